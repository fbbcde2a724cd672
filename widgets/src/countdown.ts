const AGAIN = 10_000; // milliseconds between ticks after the end, until it is stopped

/** Counts seconds down to an instant, and says when it should be spoken of: five minutes and one minute before. */
export class Countdown {
  private _until = 0;
  private _timer = 0;
  private _told = Infinity;

  /** `tick` gets the seconds left, rounded up, and the minutes to tell now, if any. */
  constructor(private readonly _tick: (left: number, minutes: number) => void) {}

  /** `until` in milliseconds, by the browser's clock. */
  start(until: number): void {
    this.stop();
    this._until = until;
    this._told = until - Date.now();
    this._next();
  }

  /** Whether the instant has come. */
  get over(): boolean {
    return Date.now() >= this._until;
  }

  stop(): void {
    clearTimeout(this._timer);
  }

  private _next(): void {
    const left = this._until - Date.now();
    // a machine that slept, or a page in the background, may have passed both
    const passed = [1, 5].find((minutes) => left <= minutes * 60_000 && this._told > minutes * 60_000) ?? 0;
    this._told = left;
    this._timer = window.setTimeout(() => this._next(), left > 0 ? left % 1000 || 1000 : AGAIN);
    this._tick(Math.ceil(left / 1000), passed);
  }
}
