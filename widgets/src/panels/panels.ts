/** The parts of the account that are loaded when the first of them is opened. */

import type { PointbookAccount } from "../account";
import { KIT, type Panels } from "../kit";
import de from "../../locales/panels/de.json";
import en from "../../locales/panels/en.json";
import pl from "../../locales/panels/pl.json";
import { CardsPanel, OrdersPanel } from "./belongings";
import { HistoryPanel } from "./history";
import { joinForm } from "./joining";
import { MembershipPanel } from "./membership";
import { GiftCardOffers, ProductOffers } from "./rewards";
import { dress } from "./sheet";

KIT._learn({ de, en, pl });
KIT._second = {
  _joinForm: joinForm,
  _panels(host: PointbookAccount): Panels {
    dress(host);
    return {
      history: new HistoryPanel(host),
      giftCards: new GiftCardOffers(host),
      products: new ProductOffers(host),
      myCards: new CardsPanel(host),
      myOrders: new OrdersPanel(host),
      membership: new MembershipPanel(host),
    };
  },
};
