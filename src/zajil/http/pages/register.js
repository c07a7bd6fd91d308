"use strict";

const TEXTS = {
  en: {
    title: "Make your account",
    username: "User name",
    usernameHint: "Letters a-z, digits and . _ - only. Leave it empty for an anonymous one.",
    password: "Password",
    passwordHint: "At least 8 characters; four random words are good. Nobody can tell it to you again.",
    token: "Invitation code",
    terms: "Please read and accept",
    submit: "Make account",
    done: "Your account is made. Your user ID is",
    next: "Now open a Matrix app and sign in with this server:",
    noEncryption: "This page was opened without TLS: browsers refuse encryption here, and your password can be read on its way.",
    weak: "Choose a password of at least 8 characters.",
    taken: "This user name is taken. Choose another one.",
    invalid: "This user name cannot be used. Use a-z, digits and . _ - only.",
    tokenNeeded: "This server asks for an invitation code. Get one from its administrator.",
    tokenWrong: "This invitation code is wrong or used up. Ask for a new one.",
    termsNeeded: "Please accept the documents above.",
    closed: "This server takes no new accounts. Ask its administrator.",
    slow: "Too many attempts. Wait a moment and try again.",
    offline: "The server does not answer. Check your connection and try again.",
    unknown: "That did not work: ",
    resetTitle: "Choose a new password",
    resetSubmit: "Set the password",
    resetDone: "The new password is set, and all devices are logged out. Your user ID is",
    linkWrong: "This link is wrong, was used before, or has expired. Ask for a new one.",
  },
  ar: {
    title: "أنشئ حسابك",
    username: "اسم المستخدم",
    usernameHint: "أحرف a-z وأرقام و . _ - فقط. اتركه فارغًا للحصول على اسم مجهول.",
    password: "كلمة المرور",
    passwordHint: "ثمانية محارف على الأقل؛ أربع كلمات عشوائية خيار جيد. لا أحد يستطيع أن يذكّرك بها.",
    token: "رمز الدعوة",
    terms: "يرجى القراءة والموافقة",
    submit: "أنشئ الحساب",
    done: "أُنشئ حسابك. معرّفك هو",
    next: "افتح الآن تطبيق ماتركس وسجّل الدخول بهذا الخادم:",
    noEncryption: "فُتحت هذه الصفحة دون TLS: ترفض المتصفحات التشفير هنا، ويمكن قراءة كلمة مرورك في الطريق.",
    weak: "اختر كلمة مرور من ثمانية محارف على الأقل.",
    taken: "اسم المستخدم هذا محجوز. اختر اسمًا آخر.",
    invalid: "لا يمكن استخدام هذا الاسم. استخدم a-z والأرقام و . _ - فقط.",
    tokenNeeded: "يطلب هذا الخادم رمز دعوة. اطلبه من المدير.",
    tokenWrong: "رمز الدعوة خاطئ أو مستنفد. اطلب رمزًا جديدًا.",
    termsNeeded: "يرجى الموافقة على الوثائق أعلاه.",
    closed: "لا يقبل هذا الخادم حسابات جديدة. راجع المدير.",
    slow: "محاولات كثيرة. انتظر قليلًا ثم حاول من جديد.",
    offline: "الخادم لا يجيب. تحقق من اتصالك وحاول من جديد.",
    unknown: "لم ينجح ذلك: ",
    resetTitle: "اختر كلمة مرور جديدة",
    resetSubmit: "احفظ كلمة المرور",
    resetDone: "حُفظت كلمة المرور الجديدة وسُجّل الخروج من كل الأجهزة. معرّفك هو",
    linkWrong: "هذا الرابط خاطئ أو استُخدم من قبل أو انتهت صلاحيته. اطلب رابطًا جديدًا.",
  },
};
const TOKEN_STAGE = "m.login.registration_token";
const TERMS_STAGE = "m.login.terms";
const DUMMY_STAGE = "m.login.dummy";
const STAGES_MAX = 5;

const find = (id) => document.getElementById(id);
let language = navigator.language.toLowerCase().startsWith("ar") ? "ar" : "en";
let shownProblem = null;
// The token stands behind the #, where no server and no proxy sees or logs it.
const isReset = location.hash.startsWith("#/reset-password");
const linkToken = new URLSearchParams(location.hash.split("?")[1] ?? "").get("token") ?? "";

function showLanguage() {
  document.documentElement.lang = language;
  document.documentElement.dir = language === "ar" ? "rtl" : "ltr";
  for (const each of document.querySelectorAll("[data-text]")) each.textContent = TEXTS[language][each.dataset.text];
  const other = language === "ar" ? "en" : "ar";
  find("language").textContent = other === "ar" ? "العربية" : "English";
  find("language").lang = other;
  document.title = `Zajil · ${TEXTS[language].title}`;
  if (shownProblem) showProblem(...shownProblem);
}

function showProblem(name, detail = "") {
  shownProblem = [name, detail];
  find("problem").textContent = name ? TEXTS[language][name] + detail : "";
}

function nameProblem(status, body) {
  const known = { M_WEAK_PASSWORD: "weak", M_USER_IN_USE: "taken", M_EXCLUSIVE: "invalid", M_INVALID_USERNAME: "invalid" };
  if (status === 429) return ["slow"];
  if (body.errcode in known) return [known[body.errcode]];
  if (status === 403 && body.errcode === "M_FORBIDDEN") return ["closed"];
  return ["unknown", body.error || String(status)];
}

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return [answer.status, await answer.json()];
}

function showTerms(params) {
  const documents = find("documents");
  if (documents.childElementCount) return;
  for (const policy of Object.values(params.policies ?? {})) {
    const text = policy[language] ?? Object.values(policy).find((each) => typeof each === "object");
    if (!text || !/^https?:/.test(text.url)) continue;
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    const link = document.createElement("a");
    link.href = text.url;
    link.rel = "noopener noreferrer";
    link.target = "_blank";
    link.textContent = text.name;
    label.append(box, " ", link);
    documents.append(label);
  }
  find("terms").hidden = false;
}

function areTermsAccepted() {
  return [...find("documents").querySelectorAll("input")].every((each) => each.checked) && !find("terms").hidden;
}

/** The next stage of the flow that fits what the user gave; throws the name of what is missing. */
function chooseStage(state, token) {
  const flows = state.flows.map((flow) => flow.stages);
  const flow = flows.find((stages) => stages.includes(TOKEN_STAGE) === Boolean(token)) ?? flows[0];
  const next = flow.find((stage) => !(state.completed ?? []).includes(stage));
  if (next === TOKEN_STAGE && !token) throw ["tokenNeeded"];
  if (next === TERMS_STAGE) {
    showTerms(state.params?.[TERMS_STAGE] ?? {});
    if (!areTermsAccepted()) throw ["termsNeeded"];
  }
  if (![TOKEN_STAGE, TERMS_STAGE, DUMMY_STAGE].includes(next)) throw ["unknown", next];
  return { type: next, session: state.session, ...(next === TOKEN_STAGE ? { token } : {}) };
}

async function register() {
  const token = find("token").value.trim();
  const request = { password: find("password").value, inhibit_login: true };
  if (find("username").value.trim()) request.username = find("username").value.trim();
  if (request.password.length < 8) throw ["weak"];
  for (let step = 0; step <= STAGES_MAX; step += 1) {
    const [status, body] = await post("/_matrix/client/v3/register", request);
    if (status === 200) return body.user_id;
    if (status !== 401 || !Array.isArray(body.flows)) throw nameProblem(status, body);
    if (body.errcode && request.auth?.type === TOKEN_STAGE) throw ["tokenWrong"];
    request.auth = chooseStage(body, token);
  }
  throw ["unknown", ""];
}

async function resetPassword() {
  const password = find("password").value;
  if (password.length < 8) throw ["weak"];
  const [status, body] = await post("/_zajil/account/reset_password", { token: linkToken, new_password: password });
  if (status === 403) throw ["linkWrong"];
  if (status !== 200) throw nameProblem(status, body);
  return body.user_id;
}

async function submit(event) {
  event.preventDefault();
  showProblem("");
  find("submit").disabled = true;
  try {
    find("user-id").textContent = await (isReset ? resetPassword() : register());
    find("server").textContent = location.origin;
    find("form").hidden = true;
    find("password").value = "";
    find("done").hidden = false;
    find("done").focus();
    history.replaceState(null, "", "/");
  } catch (problem) {
    if (Array.isArray(problem)) showProblem(...problem);
    else showProblem("offline");
  } finally {
    find("submit").disabled = false;
  }
}

find("language").addEventListener("click", () => {
  language = language === "ar" ? "en" : "ar";
  showLanguage();
});
find("form").addEventListener("submit", submit);
find("token").value = isReset ? "" : linkToken;
if (isReset) {
  find("username-row").hidden = true;
  find("token-row").hidden = true;
  find("title").dataset.text = "resetTitle";
  find("submit").dataset.text = "resetSubmit";
  find("done-text").dataset.text = "resetDone";
}
find("no-encryption").hidden = window.isSecureContext;
showLanguage();
