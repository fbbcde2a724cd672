import { PointbookAccount } from "./account";
import { PointbookCheckout } from "./checkout";
import { PointbookProduct } from "./product";

customElements.define("pointbook-product", PointbookProduct);
customElements.define("pointbook-checkout", PointbookCheckout);
customElements.define("pointbook-account", PointbookAccount);
