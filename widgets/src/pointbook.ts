import { PointbookAccount } from "./account";
import { PointbookCheckout } from "./checkout";
import { define } from "./element";
import { PointbookProduct } from "./product";

define("pointbook-product", PointbookProduct);
define("pointbook-checkout", PointbookCheckout);
define("pointbook-account", PointbookAccount);
