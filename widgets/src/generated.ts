/* Made of the schema and the documents by build/types.mjs. */

/** Where a document is named, its answer and variables are known. */
export type TrustedDocument<Answer, Variables> = string & { readonly __of?: (variables: Variables) => Answer };

/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
/** Which gift card to buy with points, and for whom. */
export type BuyGiftCardInput = {
  /** The product of the catalogue. */
  sku: string;
  /** The price that the customer was shown. */
  pricePoints: number;
  /** What the card was shown to be good for; null: that is not compared. */
  faceValue?: MoneyInput | null | undefined;
  /** Who gets the code by mail; null: the member. */
  recipient?: GiftCardRecipientInput | null | undefined;
  /** A name of this intention, 1 to 100 characters. Sent again with the same input, it has no second effect and gets the first answer; with another input it is a conflict. */
  idempotencyKey: string;
};

/** Which redemption to cancel. */
export type CancelRedemptionInput = {
  /** The redemption's id. */
  redemptionId: string;
  /** A name of this intention, 1 to 100 characters. Sent again with the same input, it has no second effect and gets the first answer; with another input it is a conflict. */
  idempotencyKey: string;
};

/** The local calendar period over which a member's points of one rule are capped. */
export type CapPeriod =
  /** Monday to Sunday. */
  | 'WEEK'
  /** A calendar month. */
  | 'MONTH'
  /** A calendar year. */
  | 'YEAR'
  /** As long as there is the rule. */
  | 'RULE';

/** A checkout, as the shop knows it. */
export type CartInput = {
  /** The shop's id of the cart, the same as long as it is one cart. */
  id: string;
  /** What is to be paid before points, in the currency's main unit. */
  total: string;
  /** ISO 4217 code; the programme's currency. */
  currency: string;
  /** Codes of the shop's own that the cart carries. */
  shopVouchers?: Array<string> | null | undefined;
  /** The Pointbook code that the cart carries already. */
  voucherCode?: string | null | undefined;
};

/** Which offers of a catalogue. Everything that is given has to hold. */
export type CatalogueFilter = {
  /** Only those of this category. */
  category?: string | null | undefined;
  /** Only those that cost at most so much. */
  maxPoints?: number | null | undefined;
  /** Only those for which the customer has points enough; needs a customer's token. */
  affordableOnly?: boolean;
  /** Only those with this text in the SKU or in the name in any language, whatever its case; at most 64 characters. */
  search?: string | null | undefined;
};

/** How a catalogue is ordered. */
export type CatalogueSort =
  /** As the merchant has arranged it. */
  | 'POSITION'
  /** The fewest points first. */
  | 'PRICE_ASC'
  /** The most points first. */
  | 'PRICE_DESC'
  /** The newest first. */
  | 'NEWEST';

/** Money taken off the order. */
export type DiscountInput = {
  /** How much, in the currency's main unit. */
  amount: string;
  /** The shop's code of it. */
  code?: string | null | undefined;
  /** The lines it is for; none: the whole order. */
  lineIds?: Array<string> | null | undefined;
};

/** A cart that is no order yet. */
export type EarnCartInput = {
  /** ISO 4217 code; the programme's currency. */
  currency: string;
  /** What is in it, 1 to 1,000 lines. */
  lines: Array<OrderLineInput>;
  /** What points would pay of it, as `redemptionQuote` tells, in the currency's main unit. */
  redeemedValue?: string | null | undefined;
  /** When the order would be placed; null: now. */
  placedAt?: string | null | undefined;
  /** The shop's id of the store. */
  store?: string | null | undefined;
  /** How the order would come in: web shop, app, till. */
  entryChannel?: string | null | undefined;
  /** How it would leave: pick-up, delivery, counter. */
  exitChannel?: string | null | undefined;
  /** What is taken off. */
  discounts?: Array<DiscountInput> | null | undefined;
  /** Surcharge for a small order, in the currency's main unit. */
  minimumOrderSurcharge?: string | null | undefined;
  /** What shipping costs, in the currency's main unit. */
  deliveryFee?: string | null | undefined;
  /** Vouchers of the shop's own. */
  shopVouchers?: Array<ShopVoucherInput> | null | undefined;
};

/** What happened to points. */
export type EntryKind =
  /** Points were granted. */
  | 'ACCRUAL'
  /** Points were set aside for a checkout. */
  | 'HOLD'
  /** A redemption was extended. */
  | 'EXTEND'
  /** Points were spent. */
  | 'CAPTURE'
  /** Points of a redemption were given back. */
  | 'RELEASE'
  /** A redemption ran out of time; its points are free again. */
  | 'LAPSE'
  /** Points expired. */
  | 'EXPIRY'
  /** Points paid a debt. */
  | 'SETTLE'
  /** The merchant added or took points by hand. */
  | 'ADJUST'
  /** Points spent on something that was returned were given back. */
  | 'GIVE_BACK'
  /** Points earned by something that was returned were taken back. */
  | 'REVERSAL'
  /** Points were spent when their redemption had ended: the purchase was reported late, or the order was cancelled and completed again. */
  | 'LATE_CAPTURE'
  /** Points were spent at once, on a gift card or an exchange. */
  | 'SPEND';

/** What a programme or an item bounds. */
export type ExchangeLimitKind =
  /** The points of an exchange order. */
  | 'POINTS_PER_ORDER'
  /** The pieces in an exchange order. */
  | 'UNITS_PER_ORDER'
  /** The pieces of one item in an exchange order. */
  | 'ITEM_PER_ORDER'
  /** The pieces of one item in all orders of a member, without cancelled ones. */
  | 'ITEM_PER_MEMBER';

/** Pieces of an item at the price that the member has seen. */
export type ExchangeLineInput = {
  /** The item's SKU; each item once in an order. */
  sku: string;
  /** How many pieces, 1 to 1,000. */
  quantity: number;
  /** The points of one piece that were shown. */
  pricePoints: number;
  /** The fee of one piece that was shown, in the main unit of the programme's currency; null: none was shown, and it is not compared. */
  fee?: string | null | undefined;
};

/** How an exchange order stands. */
export type ExchangeState =
  /** The points are spent; the shop has not handed it over yet. */
  | 'SUBMITTED'
  /** The member has got it. */
  | 'EXCHANGED'
  /** The points were given back. */
  | 'CANCELLED';

/** Which redemption to extend. */
export type ExtendRedemptionInput = {
  /** The redemption's id. */
  redemptionId: string;
  /** A name of this intention, 1 to 100 characters. Sent again with the same input, it has no second effect and gets the first answer; with another input it is a conflict. */
  idempotencyKey: string;
};

/** Who is to get the code of a gift card by mail. */
export type GiftCardRecipientInput = {
  /** The address. */
  email: string;
  /** How to address them; at most 100 characters. */
  name?: string | null | undefined;
  /** What to tell them; plain text, at most 500 characters. */
  message?: string | null | undefined;
  /** On which day, at 8 in the morning there: today or one of the next 366. Null: at once. */
  deliverOn?: string | null | undefined;
};

/** How a gift card stands. */
export type GiftCardState =
  /** All of its money is there. */
  | 'ISSUED'
  /** A part of its money is there. */
  | 'PARTLY_USED'
  /** Nothing is left. */
  | 'USED'
  /** What was left has expired. */
  | 'EXPIRED'
  /** It was voided, and its points were given back. */
  | 'VOID';

/** Why a rule gives nothing, or nothing for a line. */
export type InertReason =
  /** No open store is chosen. */
  | 'NO_STORE'
  /** It is not active. */
  | 'INACTIVE'
  /** It has not begun. */
  | 'NOT_YET'
  /** Its period is over, or its points would end before they can be spent. */
  | 'ENDED'
  /** The programme does not earn at present. */
  | 'PROGRAMME_STOPPED'
  /** The store is switched off: no rule earns there. */
  | 'STORE_OFF'
  /** It is for other stores. */
  | 'STORE'
  /** It is for orders that come in another way. */
  | 'ENTRY_CHANNEL'
  /** It is for orders that leave another way. */
  | 'EXIT_CHANNEL'
  /** The order lies outside its period. */
  | 'PERIOD'
  /** It is for other days. */
  | 'DAY'
  /** Nothing here is what it is for. */
  | 'NO_TARGET'
  /** The shop says that the line earns nothing. */
  | 'NOT_EARNING'
  /** The quantity is 0. */
  | 'NO_UNITS'
  /** Menus and their parts are excluded. */
  | 'MENU'
  /** A shop voucher excludes the line. */
  | 'SHOP_VOUCHER'
  /** Everything was returned. */
  | 'NOTHING_LEFT';

/** What the customer says of themselves. */
export type JoinInput = {
  /** For notices. */
  email?: string | null | undefined;
  /** One of the programme's locales. */
  locale?: string | null | undefined;
};

/** Money taken off a line. */
export type LineDiscountInput = {
  /** How much, in the currency's main unit. */
  amount: string;
  /** The shop's code of it. */
  code?: string | null | undefined;
};

/** What a line of an order is. */
export type LineKind =
  /** An article by itself. */
  | 'ITEM'
  /** A menu, of which other lines are parts. */
  | 'MENU'
  /** Something added to another line. */
  | 'TOPPING';

/** What a member may do. */
export type MemberState =
  /** Earns and redeems. */
  | 'ACTIVE'
  /** Neither earns nor redeems. */
  | 'INACTIVE';

/** An amount of money. */
export type MoneyInput = {
  /** In the currency's main unit: "12.50". Not negative. */
  amount: string;
  /** ISO 4217 code; the programme's currency. */
  currency: string;
};

/** A line of an order. */
export type OrderLineInput = {
  /** The shop's id of the line, unique in the order. */
  id: string;
  /** The shop's id of the article. */
  articleId: string;
  /** How many, with up to 3 decimal places. */
  quantity: string;
  /** What the line costs before its discounts, tax included, in the currency's main unit. */
  amount: string;
  /** The shop's id of the variation. */
  variationId?: string | null | undefined;
  /** The shop's ids of the product groups it belongs to. */
  productGroupIds?: Array<string> | null | undefined;
  /** The price of one. */
  unitPrice?: string | null | undefined;
  /** The part of the amount that is no tax. */
  net?: string | null | undefined;
  /** The tax in the amount, if `net` is not given. */
  tax?: string | null | undefined;
  /** The line it is a part or a topping of. */
  parentLineId?: string | null | undefined;
  /** What the line is; ITEM by default. */
  kind?: LineKind | null | undefined;
  /** The shop's id of the group of toppings. */
  toppingGroupId?: string | null | undefined;
  /** What was taken off the line. */
  discounts?: Array<LineDiscountInput> | null | undefined;
  /** False for what never earns, such as gift cards and deposits; true by default. */
  earns?: boolean | null | undefined;
};

/** What to exchange points for. */
export type PlaceExchangeOrderInput = {
  /** 1 to 50 lines. */
  lines: Array<ExchangeLineInput>;
  /** What the member says of delivery; plain text of at most 1,000 characters. */
  deliveryNote?: string | null | undefined;
  /** A name of this intention, 1 to 100 characters. Sent again with the same input, it has no second effect and gets the first answer; with another input it is a conflict. */
  idempotencyKey: string;
};

/** A product as a page of the shop shows it. */
export type ProductInput = {
  /** The shop's id of the article. */
  articleId: string;
  /** What one costs, tax included, in the currency's main unit. */
  price: string;
  /** How many, with up to 3 decimal places; 1 by default. */
  quantity?: string | null | undefined;
  /** The part of the price that is no tax, for programmes that count net amounts. */
  netPrice?: string | null | undefined;
  /** The shop's id of the variation. */
  variationId?: string | null | undefined;
  /** The shop's ids of the product groups it belongs to. */
  productGroupIds?: Array<string> | null | undefined;
  /** What it is; ITEM by default. */
  kind?: LineKind | null | undefined;
  /** The shop's id of the group of toppings. */
  toppingGroupId?: string | null | undefined;
};

/** What a programme does at present. */
export type ProgrammeState =
  /** It is being set up; nobody joins, earns or redeems. */
  | 'DRAFT'
  /** Everything works. */
  | 'ACTIVE'
  /** Nothing is earned any more; redeeming works. */
  | 'EARNING_STOPPED'
  /** It has ended. */
  | 'CLOSED';

/** Which points to set aside for which cart. */
export type RedeemPointsInput = {
  /** How much of the cart points shall pay. */
  mode: RedemptionMode;
  /** With PARTIAL: how many points, at least 1. Not with FULL. */
  points?: number | null | undefined;
  /** The checkout. */
  cart: CartInput;
  /** A name of this intention, 1 to 100 characters. Sent again with the same input, it has no second effect and gets the first answer; with another input it is a conflict. */
  idempotencyKey: string;
};

/** How much of a cart points shall pay. */
export type RedemptionMode =
  /** As much as the points and the cart allow. */
  | 'FULL'
  /** As many points as are named. */
  | 'PARTIAL';

/** What has become of a redemption. */
export type RedemptionState =
  /** The points are set aside and the code can be used. */
  | 'HELD'
  /** The points are spent. */
  | 'CAPTURED'
  /** The points were given back. */
  | 'RELEASED'
  /** Its time ran out; the points are free again. */
  | 'LAPSED';

/** What an earning rule gives points for. */
export type RuleKind =
  /** Per unit of an article. */
  | 'ARTICLE'
  /** Per unit of an article of a product group. */
  | 'PRODUCT_GROUP'
  /** Per unit of a topping, by its article. */
  | 'TOPPING'
  /** Per unit of a topping, by its group. */
  | 'TOPPING_GROUP'
  /** From the money of the whole order. */
  | 'CART'
  /** Per order. */
  | 'BASE'
  /** Once, for joining. */
  | 'REGISTRATION'
  /** Per booking of a service or class. */
  | 'SERVICE'
  /** Extra points per unit of a variation. */
  | 'VARIATION'
  /** Extra points per unit of an article of a category; categories are product groups. */
  | 'CATEGORY'
  /** Multiplies what the rules it names give. */
  | 'MULTIPLIER';

/** What became of a rule. */
export type RuleVerdict =
  /** It gave points, or multiplied some. */
  | 'WON'
  /** A better rule gave the points instead. */
  | 'LOST'
  /** It could not give any. */
  | 'INERT';

/** A voucher of the shop's own that was used for the order. */
export type ShopVoucherInput = {
  /** Its code. */
  code: string;
  /** How much it took off, in the currency's main unit. */
  amount: string;
  /** The shop's type of it. */
  type?: string | null | undefined;
  /** The lines it is for; none: the whole order. */
  lineIds?: Array<string> | null | undefined;
};

/** A day of the week, local. */
export type Weekday =
  /** Monday. */
  | 'MONDAY'
  /** Tuesday. */
  | 'TUESDAY'
  /** Wednesday. */
  | 'WEDNESDAY'
  /** Thursday. */
  | 'THURSDAY'
  /** Friday. */
  | 'FRIDAY'
  /** Saturday. */
  | 'SATURDAY'
  /** Sunday. */
  | 'SUNDAY';

export type AccountQueryVariables = Exact<{ [key: string]: never; }>;


export type AccountQuery = { programme: { name: string, state: ProgrammeState, signUpPoints: number }, me: { state: MemberState, redemptionLocked: boolean, balance: { pending: number, held: number, debt: number, spendable: number, value: { amount: string, currency: string } }, expiringPoints: Array<{ points: number, lastDay: string }>, pendingPoints: Array<{ points: number, availableFrom: string }> } | null };

export type AccountPageQueryVariables = Exact<{
  first?: number | null | undefined;
}>;


export type AccountPageQuery = { me: { id: string, balance: { available: number, pending: number, held: number, debt: number, spendable: number, value: { amount: string, currency: string } }, expiringPoints: Array<{ points: number, expiresAt: string, lastDay: string }>, holds: Array<{ id: string, voucherCode: string, points: number, expiresAt: string, extensionsLeft: number, value: { amount: string, currency: string } }>, history: { nodes: Array<{ id: string, kind: EntryKind, at: string, points: number, sourceType: string | null, sourceId: string | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } } | null };

export type BalanceQueryVariables = Exact<{ [key: string]: never; }>;


export type BalanceQuery = { me: { balance: { spendable: number, pending: number, value: { amount: string, currency: string } } } | null };

export type BuyGiftCardMutationVariables = Exact<{
  input: BuyGiftCardInput;
  locale?: string | null | undefined;
}>;


export type BuyGiftCardMutation = { buyGiftCard:
    | { __typename: 'BuyGiftCardSuccess', giftCard: { code: string, qrCode: string, pagePath: string, name: string, card: { id: string, expiresAt: string | null, faceValue: { amount: string, currency: string } } } }
    | { __typename: 'InvalidInput', code: string, message: string, field: string }
    | { __typename: 'NotAMember', code: string, message: string }
    | { __typename: 'MemberInactive', code: string, message: string }
    | { __typename: 'RedemptionLocked', code: string, message: string }
    | { __typename: 'ProgrammeNotOpen', code: string, message: string }
    | { __typename: 'NotInCatalogue', code: string, message: string }
    | { __typename: 'PriceChanged', code: string, message: string, sku: string, pricePoints: number }
    | { __typename: 'InsufficientPoints', code: string, message: string, requested: number, available: number }
    | { __typename: 'IdempotencyConflict', code: string, message: string }
   };

export type CancelRedemptionMutationVariables = Exact<{
  input: CancelRedemptionInput;
}>;


export type CancelRedemptionMutation = { cancelRedemption:
    | { __typename: 'CancelRedemptionSuccess', redemption: { id: string, state: RedemptionState } }
    | { __typename: 'InvalidInput', code: string, message: string }
    | { __typename: 'NotAMember', code: string, message: string }
    | { __typename: 'MemberInactive', code: string, message: string }
    | { __typename: 'ProgrammeNotOpen', code: string, message: string }
    | { __typename: 'RedemptionNotFound', code: string, message: string }
    | { __typename: 'RedemptionEnded', code: string, message: string }
    | { __typename: 'IdempotencyConflict', code: string, message: string }
   };

export type CheckoutQueryVariables = Exact<{
  cart: CartInput;
  cartId: string;
  earn: EarnCartInput;
}>;


export type CheckoutQuery = { programme: { minimumRedemptionPoints: number, holdMinutes: number }, me: { state: MemberState, redemptionLocked: boolean, balance: { spendable: number, pending: number, debt: number, value: { amount: string, currency: string } }, holds: Array<{ id: string, voucherCode: string, points: number, millisecondsLeft: number, extensionsLeft: number, value: { amount: string, currency: string } }> } | null, redemptionQuote:
    | { __typename: 'RedemptionQuote', points: number, available: number, value: { amount: string, currency: string }, remainingToPay: { amount: string, currency: string } }
    | { __typename: 'InvalidInput', code: string }
    | { __typename: 'NotAMember', code: string }
    | { __typename: 'MemberInactive', code: string }
    | { __typename: 'RedemptionLocked', code: string }
    | { __typename: 'ProgrammeNotOpen', code: string }
    | { __typename: 'CurrencyMismatch', code: string }
    | { __typename: 'CheckoutHasVoucher', code: string }
    | { __typename: 'InsufficientPoints', code: string }
    | { __typename: 'BelowMinimum', code: string, minimumPoints: number }
    | { __typename: 'ExceedsCart', code: string }
  , earnQuote:
    | { __typename: 'EarnQuote', points: number, signUpPoints: number | null }
    | { __typename: 'InvalidInput' }
    | { __typename: 'UnknownStore' }
    | { __typename: 'CurrencyMismatch' }
    | { __typename: 'ProgrammeNotOpen' }
    | { __typename: 'MemberInactive' }
   };

export type CheckoutOfAGuestQueryVariables = Exact<{
  earn: EarnCartInput;
}>;


export type CheckoutOfAGuestQuery = { earnQuote:
    | { __typename: 'EarnQuote', points: number, signUpPoints: number | null }
    | { __typename: 'InvalidInput' }
    | { __typename: 'UnknownStore' }
    | { __typename: 'CurrencyMismatch' }
    | { __typename: 'ProgrammeNotOpen' }
    | { __typename: 'MemberInactive' }
   };

export type EarnQuoteQueryVariables = Exact<{
  cart: EarnCartInput;
  locale?: string | null | undefined;
  first?: number;
}>;


export type EarnQuoteQuery = { earnQuote:
    | { __typename: 'EarnQuote', points: number, signUpPoints: number | null, ruleCount: number, parts: Array<{ points: number, availableFrom: string, expiresAt: string | null }>, rules: Array<{ id: string, label: string, kind: RuleKind, verdict: RuleVerdict, why: InertReason | null, points: number, lostTo: { label: string } | null }> }
    | { __typename: 'InvalidInput', code: string, message: string, field: string }
    | { __typename: 'UnknownStore', code: string, message: string }
    | { __typename: 'CurrencyMismatch', code: string, message: string }
    | { __typename: 'ProgrammeNotOpen', code: string, message: string }
    | { __typename: 'MemberInactive', code: string, message: string }
   };

export type ExchangeItemsQueryVariables = Exact<{
  locale?: string | null | undefined;
  filter?: CatalogueFilter | null | undefined;
  sort?: CatalogueSort;
  first?: number;
  after?: string | null | undefined;
}>;


export type ExchangeItemsQuery = { exchangeItems: { nodes: Array<{ sku: string, name: string, description: string | null, imageUrl: string | null, category: string | null, pricePoints: number, affordable: boolean | null, missingPoints: number | null, inStock: boolean, maxPerOrder: number | null, maxPerMember: number | null, fee: { amount: string, currency: string } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type ExchangeOrdersQueryVariables = Exact<{
  locale?: string | null | undefined;
  after?: string | null | undefined;
}>;


export type ExchangeOrdersQuery = { me: { exchangeOrders: { nodes: Array<{ id: string, state: ExchangeState, placedAt: string, exchangedAt: string | null, cancelledAt: string | null, points: number, deliveryNote: string | null, fee: { amount: string, currency: string }, lines: Array<{ sku: string, name: string, quantity: number }> }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } } | null };

export type ExplainQueryVariables = Exact<{
  entry: string;
  locale?: string | null | undefined;
  first?: number;
}>;


export type ExplainQuery = { explain: { points: number, at: string, sourceType: string, sourceId: string, ruleCount: number, rules: Array<{ id: string, label: string, kind: RuleKind, verdict: RuleVerdict, why: InertReason | null, factor: string | null, lineCount: number, points: number, lostTo: { label: string } | null, basis: { amount: string, currency: string } | null }> } | null };

export type ExtendRedemptionMutationVariables = Exact<{
  input: ExtendRedemptionInput;
}>;


export type ExtendRedemptionMutation = { extendRedemption:
    | { __typename: 'ExtendRedemptionSuccess', redemption: { id: string, voucherCode: string, expiresAt: string, millisecondsLeft: number, extensionsLeft: number } }
    | { __typename: 'InvalidInput', code: string, message: string }
    | { __typename: 'NotAMember', code: string, message: string }
    | { __typename: 'MemberInactive', code: string, message: string }
    | { __typename: 'ProgrammeNotOpen', code: string, message: string }
    | { __typename: 'RedemptionNotFound', code: string, message: string }
    | { __typename: 'RedemptionEnded', code: string, message: string }
    | { __typename: 'ExtensionsExhausted', code: string, message: string }
    | { __typename: 'IdempotencyConflict', code: string, message: string }
   };

export type GiftCardBalanceQueryVariables = Exact<{
  code: string;
}>;


export type GiftCardBalanceQuery = { giftCardBalance:
    | { __typename: 'GiftCardBalance', expiresAt: string | null, balance: { amount: string, currency: string } }
    | { __typename: 'GiftCardNotUsable', code: string, message: string }
    | { __typename: 'TooManyGuesses', code: string, message: string, retryAfter: number }
   };

export type GiftCardsQueryVariables = Exact<{
  locale?: string | null | undefined;
  filter?: CatalogueFilter | null | undefined;
  sort?: CatalogueSort;
  first?: number;
  after?: string | null | undefined;
}>;


export type GiftCardsQuery = { giftCards: { nodes: Array<{ sku: string, name: string, description: string | null, imageUrl: string | null, category: string | null, pricePoints: number, affordable: boolean | null, missingPoints: number | null, validityDays: number | null, faceValue: { amount: string, currency: string } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type GuidelinesQueryVariables = Exact<{
  locale?: string | null | undefined;
}>;


export type GuidelinesQuery = { guidelines: { locale: string, sections: Array<{ key: string, heading: string, paragraphs: Array<string> }>, privacy: { key: string, heading: string, paragraphs: Array<string> } } };

export type HistoryQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type HistoryQuery = { me: { history: { nodes: Array<{ id: string, kind: EntryKind, at: string, points: number, held: number, sourceType: string | null, sourceId: string | null, description: string | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } } | null };

export type JoinMutationVariables = Exact<{
  input?: JoinInput | null | undefined;
}>;


export type JoinMutation = { join:
    | { __typename: 'JoinSuccess', created: boolean, signUpPoints: number, member: { id: string } }
    | { __typename: 'InvalidInput', code: string, message: string }
    | { __typename: 'ProgrammeNotOpen', code: string, message: string }
   };

export type MyGiftCardsQueryVariables = Exact<{
  locale?: string | null | undefined;
  first?: number;
  after?: string | null | undefined;
}>;


export type MyGiftCardsQuery = { me: { giftCards: { nodes: Array<{ code: string, qrCode: string, pagePath: string, name: string, deliveredAt: string | null, recipient: { name: string | null } | null, card: { id: string, state: GiftCardState, expiresAt: string | null, faceValue: { amount: string, currency: string }, balance: { amount: string, currency: string }, held: { amount: string } } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } } | null };

export type PlaceExchangeOrderMutationVariables = Exact<{
  input: PlaceExchangeOrderInput;
  locale?: string | null | undefined;
}>;


export type PlaceExchangeOrderMutation = { placeExchangeOrder:
    | { __typename: 'PlaceExchangeOrderSuccess', order: { id: string, state: ExchangeState, placedAt: string, points: number, fee: { amount: string, currency: string }, lines: Array<{ sku: string, name: string, quantity: number, points: number }> } }
    | { __typename: 'InvalidInput', code: string, message: string, field: string }
    | { __typename: 'NotAMember', code: string, message: string }
    | { __typename: 'MemberInactive', code: string, message: string }
    | { __typename: 'RedemptionLocked', code: string, message: string }
    | { __typename: 'ProgrammeNotOpen', code: string, message: string }
    | { __typename: 'NotInCatalogue', code: string, message: string, sku: string }
    | { __typename: 'PriceChanged', code: string, message: string, sku: string, pricePoints: number, fee: string | null }
    | { __typename: 'SoldOut', code: string, message: string, sku: string, left: number }
    | { __typename: 'BelowMinimum', code: string, message: string, minimumPoints: number }
    | { __typename: 'ExchangeLimit', code: string, message: string, limit: ExchangeLimitKind, maximum: number, item: string | null }
    | { __typename: 'InsufficientPoints', code: string, message: string, requested: number, available: number }
    | { __typename: 'IdempotencyConflict', code: string, message: string }
   };

export type ProductPointsQueryVariables = Exact<{
  product: ProductInput;
  store?: string | null | undefined;
  entryChannel?: string | null | undefined;
  exitChannel?: string | null | undefined;
  locale?: string | null | undefined;
}>;


export type ProductPointsQuery = { productPoints:
    | { __typename: 'ProductPoints', standardPoints: number, extraPoints: number, standardText: string | null, extraText: string | null, text: string, signUpPoints: number | null }
    | { __typename: 'InvalidInput', code: string, message: string, field: string }
    | { __typename: 'UnknownStore', code: string, message: string }
    | { __typename: 'ProgrammeNotOpen', code: string, message: string }
   };

export type ProductPointsListQueryVariables = Exact<{
  products: Array<ProductInput> | ProductInput;
  store?: string | null | undefined;
  entryChannel?: string | null | undefined;
  exitChannel?: string | null | undefined;
  locale?: string | null | undefined;
}>;


export type ProductPointsListQuery = { productPointsList:
    | { __typename: 'ProductPointsList', products: Array<{ standardPoints: number, extraPoints: number, standardText: string | null, extraText: string | null, text: string, signUpPoints: number | null }> }
    | { __typename: 'InvalidInput', code: string, message: string, field: string }
    | { __typename: 'UnknownStore', code: string, message: string }
    | { __typename: 'ProgrammeNotOpen', code: string, message: string }
   };

export type ProgrammeQueryVariables = Exact<{ [key: string]: never; }>;


export type ProgrammeQuery = { programme: { name: string, currency: string, locales: Array<string>, state: ProgrammeState, pointValue: string, revenuePerPoint: string, discountPercent: string, signUpPoints: number, minimumRedemptionPoints: number, maximumShareOfCart: number, exchangeMinimumPoints: number, exchangePointsMax: number | null, exchangeUnitsMax: number | null, holdMinutes: number, holdExtensionsMax: number, expiringWindowDays: number } };

export type RedeemPointsMutationVariables = Exact<{
  input: RedeemPointsInput;
}>;


export type RedeemPointsMutation = { redeemPoints:
    | { __typename: 'RedeemPointsSuccess', redemption: { id: string, voucherCode: string, points: number, expiresAt: string, millisecondsLeft: number, extensionsLeft: number, value: { amount: string, currency: string }, remainingToPay: { amount: string, currency: string } | null } }
    | { __typename: 'InvalidInput', code: string, message: string }
    | { __typename: 'NotAMember', code: string, message: string }
    | { __typename: 'MemberInactive', code: string, message: string }
    | { __typename: 'RedemptionLocked', code: string, message: string }
    | { __typename: 'ProgrammeNotOpen', code: string, message: string }
    | { __typename: 'CurrencyMismatch', code: string, message: string }
    | { __typename: 'CheckoutHasVoucher', code: string, message: string }
    | { __typename: 'InsufficientPoints', code: string, message: string, requested: number, available: number }
    | { __typename: 'BelowMinimum', code: string, message: string, minimumPoints: number }
    | { __typename: 'ExceedsCart', code: string, message: string, maximumPoints: number }
    | { __typename: 'IdempotencyConflict', code: string, message: string }
   };

export type RedemptionQuoteQueryVariables = Exact<{
  cart: CartInput;
  points?: number | null | undefined;
}>;


export type RedemptionQuoteQuery = { redemptionQuote:
    | { __typename: 'RedemptionQuote', points: number, available: number, value: { amount: string, currency: string }, remainingToPay: { amount: string, currency: string } }
    | { __typename: 'InvalidInput', code: string, message: string }
    | { __typename: 'NotAMember', code: string, message: string }
    | { __typename: 'MemberInactive', code: string, message: string }
    | { __typename: 'RedemptionLocked', code: string, message: string }
    | { __typename: 'ProgrammeNotOpen', code: string, message: string }
    | { __typename: 'CurrencyMismatch', code: string, message: string }
    | { __typename: 'CheckoutHasVoucher', code: string, message: string }
    | { __typename: 'InsufficientPoints', code: string, message: string, requested: number, available: number }
    | { __typename: 'BelowMinimum', code: string, message: string, minimumPoints: number }
    | { __typename: 'ExceedsCart', code: string, message: string, maximumPoints: number }
   };

export type RulesQueryVariables = Exact<{
  locale?: string | null | undefined;
  first?: number;
  after?: string | null | undefined;
}>;


export type RulesQuery = { rules: Array<{ id: string, label: string, kind: RuleKind, points: number | null, moneyPerPoint: string | null, factor: string | null, validFrom: string | null, validUntil: string | null, weekdays: Array<Weekday>, holidays: Array<string> | null, availableAtOnce: boolean, caps: { perOrder: number | null, perDay: number | null, perMember: { points: number, period: CapPeriod } | null } }> };

export type ServicePointsQueryVariables = Exact<{
  service: string;
  participants?: number;
  store?: string | null | undefined;
  entryChannel?: string | null | undefined;
  locale?: string | null | undefined;
}>;


export type ServicePointsQuery = { servicePoints:
    | { __typename: 'ProductPoints', standardPoints: number, extraPoints: number, standardText: string | null, extraText: string | null, text: string, signUpPoints: number | null }
    | { __typename: 'InvalidInput', code: string, message: string, field: string }
    | { __typename: 'UnknownStore', code: string, message: string }
    | { __typename: 'ProgrammeNotOpen', code: string, message: string }
   };

export const Account = "8acaa956da8394c206695a70aa0d3124618c857a974e744a6065aaf93b7ce338" as TrustedDocument<AccountQuery, AccountQueryVariables>;

export const AccountPage = "f739ae5af1ebaac9ac9d0e2cb6ac0185c134b86889bc04bebeb5b07b0d7c83a0" as TrustedDocument<AccountPageQuery, AccountPageQueryVariables>;

export const Balance = "63424e0397d3801deac5b993111b42266e2c448f13af041d99f683f1de936dd7" as TrustedDocument<BalanceQuery, BalanceQueryVariables>;

export const BuyGiftCard = "45cdf3bb0aeefb09e6e43cbb7027d6e56bbfaa5db4a7f7dc2a76bfd1e04fbda9" as TrustedDocument<BuyGiftCardMutation, BuyGiftCardMutationVariables>;

export const CancelRedemption = "173ea53b68eddbf28cf2217f926d221554f0b493e73c7395dce3d5ac83cb0b37" as TrustedDocument<CancelRedemptionMutation, CancelRedemptionMutationVariables>;

export const Checkout = "d64c94e4259afc996df6e3b9f36bcdd8cc88b39eab811fe0b29e9f604c965bff" as TrustedDocument<CheckoutQuery, CheckoutQueryVariables>;

export const CheckoutOfAGuest = "598340bd0d8b9ee433a4ea204c81a4476630600b0e68e37ecb8b3c1f2745420f" as TrustedDocument<CheckoutOfAGuestQuery, CheckoutOfAGuestQueryVariables>;

export const EarnQuote = "4e42cb451b339debe866b36071e12042c5f504534f22226a1da6d05142e539d6" as TrustedDocument<EarnQuoteQuery, EarnQuoteQueryVariables>;

export const ExchangeItems = "aca165e88232e95c2e5d110061a6873971eee38652336b4c9d8bb203d40f60cd" as TrustedDocument<ExchangeItemsQuery, ExchangeItemsQueryVariables>;

export const ExchangeOrders = "de8747cf782e2c6dd14eca48becfaea0be8b59007a31132a10ee7a33a54bddce" as TrustedDocument<ExchangeOrdersQuery, ExchangeOrdersQueryVariables>;

export const Explain = "03f022614633382f9c2340f0af2c46b572ba6b7ea5979be7d7e3c20de005a3c5" as TrustedDocument<ExplainQuery, ExplainQueryVariables>;

export const ExtendRedemption = "7cf1a0d7d862a951fdd1e0d85dc019f012425a84f48ec70bb4078c718da66003" as TrustedDocument<ExtendRedemptionMutation, ExtendRedemptionMutationVariables>;

export const GiftCardBalance = "cade5c325f02ae61f12fa5849a9d1c47c685ab674caf349e2a49d410837fa4ac" as TrustedDocument<GiftCardBalanceQuery, GiftCardBalanceQueryVariables>;

export const GiftCards = "e3006779d24e9f936826e2c8753e40eb1c7f0b032e317a9d44a40ed4651687b1" as TrustedDocument<GiftCardsQuery, GiftCardsQueryVariables>;

export const Guidelines = "a752b7a5faf5c647813032aeaa342d966d4fcc3932cfe6a8a9d2b098ceec2724" as TrustedDocument<GuidelinesQuery, GuidelinesQueryVariables>;

export const History = "5b050d5e69cb516332c0e7b84c60d2f73b65d2999538b3973c220271aae6a3e6" as TrustedDocument<HistoryQuery, HistoryQueryVariables>;

export const Join = "362d57698de089ca045172f40f77164257e4b7475df31e586016d48cb47d82e1" as TrustedDocument<JoinMutation, JoinMutationVariables>;

export const MyGiftCards = "367b9921b9bffa53142f975cf2341a155dca4df2c7fbeef75bbda7fc32bc7609" as TrustedDocument<MyGiftCardsQuery, MyGiftCardsQueryVariables>;

export const PlaceExchangeOrder = "1327a8bacf31ced784e13ef173f968df46060962b69f0f2a297a9dce98bf9312" as TrustedDocument<PlaceExchangeOrderMutation, PlaceExchangeOrderMutationVariables>;

export const ProductPoints = "91179921203c7f1c1810eb251da91652871444673eec154e738e5a302be06a70" as TrustedDocument<ProductPointsQuery, ProductPointsQueryVariables>;

export const ProductPointsList = "efcae807abec251a65d959f159fe86f9941946f7f6974020bcc3dc9fea1bb78f" as TrustedDocument<ProductPointsListQuery, ProductPointsListQueryVariables>;

export const Programme = "0be56a8a02fe8764396a42cb2d49dec8c4967942a6210491fe8ad2844f97a976" as TrustedDocument<ProgrammeQuery, ProgrammeQueryVariables>;

export const RedeemPoints = "a6428592854d9478ddffe18ffa05d4c0f990a6b9d89a3dc5d8f8eba559557e01" as TrustedDocument<RedeemPointsMutation, RedeemPointsMutationVariables>;

export const RedemptionQuote = "6700a3550cd0c25621ec69fe25794fe67ec03bc07b88e1752c602e0fcd657155" as TrustedDocument<RedemptionQuoteQuery, RedemptionQuoteQueryVariables>;

export const Rules = "77ae2b19cb2c93680b1910b9c61c88bb42f983c7e60a5178f1747086a4bf386c" as TrustedDocument<RulesQuery, RulesQueryVariables>;

export const ServicePoints = "3034b8ffe00f1f97c6a0e3bf91dbc9b9ab70f606a9a08de63e74b1c289ba2817" as TrustedDocument<ServicePointsQuery, ServicePointsQueryVariables>;
