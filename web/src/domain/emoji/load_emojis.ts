import { EmojiSet } from "./emoji_set";

/** Each is a file of its own, fetched when the picker is first opened. English is always searched too: many know emojis by their English names. */
const NAMES: Readonly<Record<string, () => Promise<{ readonly default: readonly string[] }>>> = {
  en: () => import("./data/en.json"),
  ar: () => import("./data/ar.json"),
};

let loading: Promise<EmojiSet> | undefined;

/** The set with the names of `language` and English; loaded once. */
export async function loadEmojis(language: string): Promise<EmojiSet> {
  loading ??= import("./data/emojis.json").then((data) => new EmojiSet(data.default));
  try {
    const set = await loading;
    for (const wanted of new Set([language, "en"])) {
      const names = Object.hasOwn(NAMES, wanted) ? NAMES[wanted] : undefined;
      if (names !== undefined) set.addLanguage(wanted, (await names()).default);
    }
    return set;
  } catch (error) {
    // Offline on the first opening: the next one tries again.
    loading = undefined;
    throw error;
  }
}
