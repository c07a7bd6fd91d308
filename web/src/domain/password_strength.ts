import common from "./common_passwords.json";

export const PASSWORD_CHARACTERS_MIN = 8;
export const PASSWORD_CHARACTERS_MAX = 512;

/** too-short and common are refused; the others are shown as a meter of four. */
export type PasswordStrength = "too-short" | "common" | "weak" | "fair" | "good" | "strong";

const COMMON: ReadonlySet<string> = new Set(common);
const LEET: Readonly<Record<string, string>> = { "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", $: "s", "!": "i" };
const ROWS = ["qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890", "ضصثقفغعهخحجد", "شسيبلاتنمكط"];
/** Bits a letter of a word carries, of random letters, of digits and of signs. Written language has 1 to 2; random words about 2. */
const WORD_LETTER_BITS = 2.1;
const RANDOM_LETTER_BITS = 4.7;
const DIGIT_BITS = 3.3;
const SIGN_BITS = 4.5;
const YEAR_BITS = 6.5;
const FAIR_BITS = 28;
const GOOD_BITS = 40;
const STRONG_BITS = 56;

function isNeighbour(previous: string, next: string): boolean {
  if (Math.abs(previous.charCodeAt(0) - next.charCodeAt(0)) <= 1) return true;
  return ROWS.some((row) => row.includes(previous) && row.includes(next) && Math.abs(row.indexOf(previous) - row.indexOf(next)) === 1);
}

/** Without runs such as "aaaa", "1234" and "qwer", and without a part that only repeats. */
function shorten(password: string): string {
  const text = password.replace(/(.{2,})\1+/gsu, "$1");
  const characters = [...text];
  return characters.filter((character, index) => {
    const [before, earlier] = [characters[index - 1], characters[index - 2]];
    return before === undefined || earlier === undefined || !(isNeighbour(before, character) && isNeighbour(earlier, before));
  }).join("");
}

function lettersBits(letters: string): number {
  const vowels = [...letters.toLowerCase()].filter((letter) => "aeiouyاويأإآةى".includes(letter)).length;
  const isWord = letters.length >= 3 && vowels / letters.length >= 0.15;
  const capitals = isWord ? [...letters.slice(1)].filter((letter) => letter !== letter.toLowerCase()).length : 0;
  return letters.length * (isWord ? WORD_LETTER_BITS : RANDOM_LETTER_BITS) + Math.min(capitals, 4) * 1.5;
}

/** A rough lower bound of what it takes to guess, in bits. */
export function estimateBits(password: string, ownWords: readonly string[] = []): number {
  let text = password;
  for (const word of ownWords) {
    if (word.length >= 3 && text.toLowerCase().includes(word.toLowerCase())) text = text.toLowerCase().replaceAll(word.toLowerCase(), "");
  }
  let bits = 0;
  for (const part of shorten(text).match(/\p{L}+|\p{N}+|[^\p{L}\p{N}]+/gu) ?? []) {
    if (/^\p{L}/u.test(part)) bits += lettersBits(part);
    else if (/^\p{N}/u.test(part)) bits += /^(19|20)\d\d$/.test(part) ? YEAR_BITS : part.length * DIGIT_BITS;
    else bits += SIGN_BITS + (part.length - 1);
  }
  return bits;
}

export function ratePassword(password: string, ownWords: readonly string[] = []): PasswordStrength {
  if ([...password].length < PASSWORD_CHARACTERS_MIN) return "too-short";
  const plain = password.toLowerCase();
  const unleeted = [...plain].map((character) => LEET[character] ?? character).join("");
  const bare = (text: string): string => text.replace(/[^\p{L}]+$/u, "");
  if ([plain, unleeted, bare(plain), bare(unleeted)].some((form) => COMMON.has(form)) || ownWords.some((word) => word.toLowerCase() === plain)) return "common";
  const bits = estimateBits(password, ownWords);
  if (bits < 14) return "common";
  if (bits < FAIR_BITS) return "weak";
  if (bits < GOOD_BITS) return "fair";
  return bits < STRONG_BITS ? "good" : "strong";
}
