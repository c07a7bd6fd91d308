/**
 * What people write, made safe to show beside other people's words. Characters that turn the direction of text around let a name or a link pose as
 * another ("photo<RLO>gpj.exe" reads as "photoexe.jpg"), invisible ones make two names look alike, and piles of combining marks cover the lines around them.
 * Views isolate every foreign text with <bdi> or dir="auto"; explicit directions inside it are therefore never needed.
 */

export const TEXT_LENGTH_MAX = 65_536;
export const NAME_LENGTH_MAX = 256;
export const FILE_NAME_LENGTH_MAX = 200;
/** Marks on one letter: fully vowelled Arabic has up to 3, Quranic text up to 5. */
export const COMBINING_MARKS_MAX = 6;

/** Embeddings, overrides, isolates and the deprecated shaping controls. */
const DIRECTION_CONTROLS = /[\u202A-\u202E\u2066-\u206F]/gu;
/** C0 and C1 controls but tab and line feed. */
const CONTROLS = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\uFFF9-\uFFFB]/gu;
/** Letters to tag text with; they belong in flags such as England's only. */
const STRAY_TAGS = /(?<![\u{1F3F4}\u{E0000}-\u{E007F}])[\u{E0000}-\u{E007F}]+/gu;
const LONE_SURROGATES = /\p{Surrogate}/gu;
/** Joiners (kept once: emoji and Persian need them) and the zero-width characters around them. */
const ZERO_WIDTH_RUN = /[\u200B-\u200F\u061C\u2060-\u2064\uFEFF\u00AD\u034F\u180E]{2,}/gu;
const INVISIBLE_IN_NAMES = /[\u200B\u200E\u200F\u061C\u2060-\u2064\uFEFF\u00AD\u034F\u180E\u115F\u1160\u17B4\u17B5\u3164\uFFA0\u2800]/gu;
/** A joiner that joins nothing: not between two letters, marks or pictures. */
const STRAY_JOINERS = /(?<![\p{L}\p{M}\p{Extended_Pictographic}\uFE0F\u{1F3FB}-\u{1F3FF}])[\u200C\u200D]+|[\u200C\u200D]+(?![\p{L}\p{M}\p{Extended_Pictographic}])/gu;
const MARK_PILE = new RegExp(`(\\p{M}{${COMBINING_MARKS_MAX}})\\p{M}+`, "gu");
const LINE_ENDS = /\r\n?|[\u2028\u2029\u0085]/gu;

/** At most `max` code units of `text`, never half a character. */
export function truncate(text: string, max: number): string {
  if (text.length <= max) return text;
  const last = text.charCodeAt(max - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? max - 1 : max);
}

function removeDangerous(text: string): string {
  return text
    .replace(LONE_SURROGATES, "\uFFFD")
    .replace(LINE_ENDS, "\n")
    .replace(CONTROLS, "")
    .replace(DIRECTION_CONTROLS, "")
    .replace(STRAY_TAGS, "")
    .replace(ZERO_WIDTH_RUN, (run) => run[0] ?? "")
    .replace(MARK_PILE, "$1");
}

/** Text of several lines, such as a message. */
export function cleanText(text: string, max: number = TEXT_LENGTH_MAX): string {
  // Cut first, so that the work is bounded too.
  return removeDangerous(truncate(text, max));
}

/** One line that names something: a person, a chat, an answer. Empty if nothing of it can be seen. */
export function cleanName(text: string, max: number = NAME_LENGTH_MAX): string {
  const cut = truncate(text, max * 4);
  const visible = removeDangerous(cut).replace(INVISIBLE_IN_NAMES, "").replace(STRAY_JOINERS, "");
  return truncate(visible.replace(/\s+/gu, " ").trim(), max).trim();
}

/** A file's name: no path, no reversed extension, nothing a shell or a file system takes amiss. */
export function cleanFileName(text: string): string {
  const name = cleanName(text, 1_024)
    .replace(/[\\/:*?"<>|]/gu, "_")
    .replace(/^[.\s]+|[.\s]+$/gu, "");
  if (name.length <= FILE_NAME_LENGTH_MAX) return name;
  const extension = fileExtension(name);
  if (extension === "") return truncate(name, FILE_NAME_LENGTH_MAX);
  return `${truncate(name, FILE_NAME_LENGTH_MAX - extension.length - 2)}….${extension}`;
}

/** Lower case, without the dot; empty if there is none. */
export function fileExtension(name: string): string {
  return /\.([A-Za-z0-9]{1,10})$/u.exec(name)?.[1]?.toLowerCase() ?? "";
}

/** For places that know no markup (notifications, titles, labels): the text cannot reorder what surrounds it. */
export function isolate(text: string): string {
  return `\u2068${text.replace(DIRECTION_CONTROLS, "")}\u2069`;
}

/** The direction of the first strong letter; undefined if there is none. */
export function firstDirection(text: string): "ltr" | "rtl" | undefined {
  const found = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]|\p{L}/u.exec(text);
  if (found === null) return undefined;
  return /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u.test(found[0]) ? "rtl" : "ltr";
}
