const AGAIN = 10_000; // milliseconds between ticks after the end, until it is stopped

/** Counts seconds down to an instant, and says when it should be spoken of: five minutes and one minute before. */
export class Countdown {
  private _until = 0;
  private _end = 0;
  private _timer = 0;
  private _told = Infinity;

  /** `tick` gets the seconds left, rounded up, and the minutes to tell now, if any. */
  constructor(private readonly _tick: (left: number, minutes: number) => void) {}

  /** `left` in milliseconds, as it was at `since` of performance.now(). */
  start(left: number, since: number): void {
    this.stop();
    this._end = since + left;
    this._told = this._end - performance.now();
    this._until = Date.now() + this._told;
    this._next();
  }

  /** Milliseconds, never too many: the one clock may be set back, the other may stand still while the machine sleeps. */
  private get _left(): number {
    return Math.min(this._end - performance.now(), this._until - Date.now());
  }

  /** Whether the instant has come. */
  get over(): boolean {
    return this._left <= 0;
  }

  stop(): void {
    clearTimeout(this._timer);
  }

  private _next(): void {
    const left = this._left;
    // a machine that slept, or a page in the background, may have passed both
    const passed = [1, 5].find((minutes) => left <= minutes * 60_000 && this._told > minutes * 60_000) ?? 0;
    this._told = left;
    this._timer = window.setTimeout(() => this._next(), left > 0 ? left % 1000 || 1000 : AGAIN);
    this._tick(Math.ceil(left / 1000), passed);
  }
}
