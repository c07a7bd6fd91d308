import { foldText } from "../arabic_text";

/**
 * Phrases of chain letters ("forward this to 8 people or …"), Arabic and English. Words alone prove nothing, so this may only bring up the confirm
 * screen, never a limit. Patterns are folded like the texts they are
 * held against, so they may be spelt naturally.
 */
const SEND = "(?:أرسل|ارسل|ابعث|انشر|حول|مرر|شارك|أعد إرسال|عمم|وزع)(?:ها|ه|وا|وها|وه|ي|يها|يه|)?";
const FORWARD = "(?:forward|send|share|pass|copy and paste|copy paste|repost|resend)";
const NUMBER = "(?:\\d+|two|three|five|seven|eight|nine|ten|twelve|fifteen|twenty|عشرة|عشر|خمسة|سبعة|ثمانية|تسعة|عشرين|ثلاثين|كل|جميع)";
const PEOPLE = "(?:شخص|أشخاص|صديق|أصدقا|مجموعة|مجموعات|جروب|قروب|ناس|جهات|من تعرف|مسلم)";

const ENGLISH: readonly string[] = [
  `${FORWARD}\\b.{0,40}\\bto\\b.{0,20}\\b${NUMBER}\\b.{0,30}\\b(?:people|friends|persons|contacts|groups|others|chats|of your|your)`,
  `\\b${FORWARD}\\b.{0,40}\\b(?:everyone (?:you|on|in)|everybody|all your|as many|all groups|anyone you know|whole list|entire list)`,
  "\\b(?:do not|don ?t) (?:break|ignore|delete|stop) (?:this|the) (?:chain|message|letter)",
  "\\b(?:break|breaks|broke|breaking|keep|start) (?:this|the) chain\\b",
  "\\bif (?:you|u) (?:do not|don ?t|ignore|fail to|love|believe|are (?:a )?real)\\b.{0,80}\\b(?:forward|send|share|bad luck|die|charged|deleted|lose|blocked)",
  "\\b(?:account|service|whatsapp|messenger|app)\\b.{0,60}\\b(?:will be|is going to be|becomes?)\\b.{0,30}\\b(?:closed|deleted|deactivated|charged|suspended|cut|shut|paid|stopped)",
  "\\bforwarded as received\\b|\\bcopied and pasted\\b.{0,40}\\bnot (?:forward|share)|\\bsend (?:this|it) back to me\\b",
];

/** \b knows no Arabic letters, so spaces mark the words here. */
const ARABIC: readonly string[] = [
  `(?:^| )${SEND}.{0,40} (?:إلى|ل|على) ?.{0,15}${NUMBER}.{0,25}${PEOPLE}`,
  `(?:^| )${SEND}.{0,30} (?:لكل|لجميع|إلى كل|إلى جميع|لأكبر عدد|على أوسع نطاق|قدر المستطاع|قبل الحذف|في كل مكان)`,
  "(?:^| )(?:إذا|إن|لو|من) (?:لم|ما) (?:ت|ي)?(?:رسل|نشر|بعث|حول)",
  "(?:سيتم|سوف يتم|راح يتم|سيقومون ب) ?(?:إغلاق|حذف|قطع|إيقاف|تعطيل|إلغاء).{0,40}(?:حسابك|الحساب|الخدمة|الواتس|واتساب|رقمك|خدمة)",
  "(?:لا تجعلها|لا تدعها|لا تخليها|لا توقفها) .{0,10}عندك",
  "(?:أمانة|أستحلفك|أقسمت عليك|بذمتك|في رقبتك).{0,40}(?:تنشر|ترسل|انشر|أرسل|تحول|تبعث)",
  "(?:^| )(?:منقول|كما وصلني|انسخ والصق|نسخ ولصق) .{0,40}(?:انشر|أرسل|للجميع|شارك)",
  "(?:^| )(?:عاجل|تحذير|هام) .{0,120}(?:انشر|أرسل|عمم|بلغ)(?:وا|ها|وها|ه)",
];

const PATTERNS: readonly RegExp[] = [...ENGLISH, ...ARABIC].map((source) => new RegExp(foldText(source), "u"));

/** Only the beginning and the end are looked at: there the request stands. */
export const SCANNED_LENGTH_MAX = 4_000;

export function hasChainPhrase(text: string): boolean {
  const part = text.length <= SCANNED_LENGTH_MAX ? text : `${text.slice(0, SCANNED_LENGTH_MAX / 2)} ${text.slice(-SCANNED_LENGTH_MAX / 2)}`;
  const folded = foldText(part).replace(/[^\p{L}\p{N}]+/gu, " ");
  return PATTERNS.some((pattern) => pattern.test(folded));
}
