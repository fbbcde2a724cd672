/** What build/bundle.mjs gives: where the script was loaded from, and its second part. */
declare const SCRIPT_URL: string;
declare const PANELS_FILE: string;
declare const PANELS_INTEGRITY: string;

declare module "*.css" {
  const text: string;
  export default text;
}
