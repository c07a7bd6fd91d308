export const PEOPLE = [
  "Layla Haddad", "عمر الخطيب", "Sofia Lindqvist", "ياسمين", "Noah Becker", "فاطمة الزهراء", "Amélie Laurent", "خالد بن سعيد", "Mina Park", "سلمى",
  "Jonas Weber", "يوسف", "Priya Nair", "هند العلي", "Tomasz Nowak", "رامي حداد", "Grace Okafor", "نور", "Luca Moretti", "أحمد منصور",
] as const;

export const SENTENCES = [
  "Are we still meeting at the station at six?", "هل وصلتم إلى البيت؟", "I have put the photos in the family album.", "الحمد لله، كل شيء بخير.", "Thanks! That is exactly what I needed 🙏",
  "سأكون هناك بعد عشر دقائق.", "The meeting has moved to Thursday.", "من يحضر الخبز اليوم؟", "Could you send me the address again, please?", "يا سلام! مبروك 🎉🎉",
  "Ok", "تمام", "The bus is late again, please start without me. I will come straight from work and bring the drinks.", "أرسلت الملف قبل قليل، أخبروني إن لم يصل إليكم. فيه جدول الأسبوع كله وأرقام المدرّسين.",
  "See https://matrix.org/docs for more", "اللقاء يوم Monday في الساعة 5:30 عند مدخل Central Station", "😂", "👍👍", "Let us talk about it tomorrow morning.", "لا تنسوا الدواء بعد العشاء.",
] as const;

export const GROUPS = [
  "Family", "العائلة الكريمة", "Book club", "فريق الصيانة", "Neighbours of Mill Street", "أولياء الأمور – الصف الثالث", "Five-a-side", "مشروع التخرّج", "Choir", "شباب الحارة",
] as const;

/** What a hostile sender may put into a name or a message. */
export const HOSTILE = {
  bidi: "\u202Efdp.exe\u202C ‮evil‬ \u2067سلام\u2069",
  zalgo: `Z${"\u0301\u0316\u0347".repeat(60)}algo ${"\u0489".repeat(40)}`,
  html: "<img src=x onerror=alert(1)><script>alert(2)</script><b>not bold</b>",
  wide: "W".repeat(4000),
  long: "This sentence repeats itself for a very long time. هذه جملة تتكرّر طويلا. ".repeat(180),
  lines: "line\n".repeat(300),
  nulls: "a\u0000b\uFFFE\uD800c",
} as const;
