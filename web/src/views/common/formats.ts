/** Times, dates and numbers in words and digits of one locale. All times are ms since 1970. */
export interface Formats {
  number(value: number): string;
  /** 14:05 */
  time(at: number): string;
  /** Today's time, "yesterday", a weekday, or a date: for lists. */
  listTime(at: number, now: number): string;
  /** "Today", "Yesterday", or the date in words: for the chips between days. */
  day(at: number, now: number): string;
  dateTime(at: number): string;
  /** "3 minutes ago" */
  ago(at: number, now: number): string;
  /** "5 min", "2 h" */
  duration(seconds: number): string;
  /** 0:42 */
  clock(ms: number): string;
  /** From 1,000 bytes on: 1 kB, 2.5 MB. `useFormats` says smaller sizes in words. */
  bytes(size: number): string;
  /** Metres: "40 m", "3 km" */
  distance(metres: number): string;
  list(names: readonly string[]): string;
}

const day_ms = 86_400_000;
const made = new Map<string, Formats>();

export function buildFormats(lang: string): Formats {
  const known = made.get(lang);
  if (known) return known;
  const formats = make(lang);
  made.set(lang, formats);
  return formats;
}

function safeLocale(lang: string): string {
  try {
    const locale = new Intl.Locale(lang);
    // Browsers differ in the digits they give plain "ar"; ours are ٠١٢ unless the person chose others.
    return locale.language === "ar" && locale.numberingSystem === undefined ? `${locale.baseName}-u-nu-arab` : locale.toString();
  } catch {
    return "en";
  }
}

/** Days between two times as the calendar counts them, in this time zone. */
function daysApart(at: number, now: number): number {
  return Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / day_ms);
}

function make(lang: string): Formats {
  const locale = safeLocale(lang);
  const number = new Intl.NumberFormat(locale);
  const time = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" });
  const weekday = new Intl.DateTimeFormat(locale, { weekday: "long" });
  const shortDate = new Intl.DateTimeFormat(locale, { day: "numeric", month: "numeric", year: "2-digit" });
  const longDate = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
  const fullDate = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" });
  const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const two = new Intl.NumberFormat(locale, { minimumIntegerDigits: 2 });
  const list = new Intl.ListFormat(locale, { type: "conjunction" });
  const unit = (value: number, name: string, unitDisplay: "short" | "long" | "narrow" = "short", digits = 0) =>
    new Intl.NumberFormat(locale, { style: "unit", unit: name, unitDisplay, maximumFractionDigits: digits }).format(value);
  // Arabic has no short forms that people read: "م.ب" is written nowhere else, "٥ د" is a riddle, and kilobytes have none.
  const display = locale.startsWith("ar") ? "long" : "short";
  return {
    number: (value) => number.format(value),
    time: (at) => time.format(at),
    listTime(at, now) {
      const days = daysApart(at, now);
      if (days <= 0) return time.format(at);
      if (days === 1) return relative.format(-1, "day");
      return days < 7 ? weekday.format(at) : shortDate.format(at);
    },
    day(at, now) {
      const days = daysApart(at, now);
      if (days === 0 || days === 1) return sentenceCase(relative.format(-days, "day"), locale);
      return days > 0 && days < 300 ? longDate.format(at) : fullDate.format(at);
    },
    dateTime: (at) => dateTime.format(at),
    ago(at, now) {
      const s = Math.max(0, Math.round((now - at) / 1000));
      if (s < 60) return relative.format(0, "second");
      if (s < 3600) return relative.format(-Math.floor(s / 60), "minute");
      if (s < 86_400) return relative.format(-Math.floor(s / 3600), "hour");
      return relative.format(-daysApart(at, now), "day");
    },
    duration(seconds) {
      if (seconds < 60) return unit(Math.ceil(seconds), "second", display);
      if (seconds < 3600) return unit(Math.round(seconds / 60), "minute", display);
      if (seconds < 86_400) return unit(Math.round(seconds / 3600), "hour", display);
      return unit(Math.round(seconds / 86_400), "day", "long");
    },
    clock(ms) {
      const s = Math.max(0, Math.round(ms / 1000));
      const minutes = Math.floor(s / 60);
      const tail = `${two.format(s % 60)}`;
      return minutes < 60 ? `${number.format(minutes)}:${tail}` : `${number.format(Math.floor(minutes / 60))}:${two.format(minutes % 60)}:${tail}`;
    },
    // What rounds up to the next unit is said in it: "1 MB", not "1,000 kB".
    bytes(size) {
      if (size < 999_500) return unit(size / 1000, "kilobyte", display);
      if (size < 999_950_000) return unit(size / 1_000_000, "megabyte", display, 1);
      return unit(size / 1_000_000_000, "gigabyte", display, 2);
    },
    distance: (metres) => (metres < 1000 ? unit(Math.max(1, metres), "meter", display) : unit(metres / 1000, "kilometer", display, metres < 10_000 ? 1 : 0)),
    list: (names) => list.format(names.map((name) => `\u2068${name}\u2069`)),
  };
}

function sentenceCase(text: string, locale: string): string {
  return text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);
}
