import assert from "node:assert/strict";
import { runStory } from "./story.ts";

const PASSWORD = "four random words here";

/** What the user does with another client, in the words of the client-server API. */
async function call(base: string, token: string, method: string, path: string, body?: object): Promise<Readonly<Record<string, unknown>>> {
  const headers = { "Content-Type": "application/json", ...(token === "" ? {} : { Authorization: `Bearer ${token}` }) };
  const response = await fetch(`${base}/_matrix/client/v3/${path}`, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  const answer = (await response.json()) as Record<string, unknown>;
  if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

async function logIn(base: string, user: string): Promise<string> {
  return String((await call(base, "", "POST", "login", { type: "m.login.password", identifier: { type: "m.id.user", user }, password: PASSWORD }))["access_token"]);
}

/** An account for whose keys the server wants the password: another client has begun to make them, and broken off. */
async function registerHalfDone(base: string, user: string): Promise<void> {
  const { access_token: token, user_id } = await call(base, "", "POST", "register", { username: user, password: PASSWORD, auth: { type: "m.login.dummy" } });
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign"])) as CryptoKeyPair;
  const key = Buffer.from(await crypto.subtle.exportKey("raw", pair.publicKey)).toString("base64").replace(/=+$/u, "");
  await call(base, String(token), "POST", "keys/device_signing/upload", { master_key: { user_id, usage: ["master"], keys: { [`ed25519:${key}`]: key } } });
}

/** Keys that the server wants confirmed, and a backup that was deleted elsewhere: each has its sentence and its next step. */
await runStory(async (stage) => {
  stage.say("the server wants the password before it takes the keys");
  await registerHalfDone(stage.base, "anna");
  const anna = await stage.newPerson("anna", { language: "ar", width: 360, height: 740 });
  await anna.logIn("anna", PASSWORD);
  await anna.page.locator("[data-confirm-keys]").waitFor();
  await anna.fill("password", "something else");
  await anna.submit();
  await anna.page.getByRole("alert").first().waitFor();
  await anna.fill("password", PASSWORD);
  await anna.submit();
  await anna.saveRecoveryKey();

  stage.say("the backup is deleted elsewhere");
  const badr = await stage.newPerson("badr");
  await badr.signUp(`${stage.base}/#/register`, PASSWORD);
  await badr.goTo("#/settings/keys");
  await badr.sees(badr.text("settings.keys_state_ready"));
  const token = await logIn(stage.base, "badr");
  const { version } = await call(stage.base, token, "GET", "room_keys/version");
  await call(stage.base, token, "DELETE", `room_keys/version/${String(version)}`);
  await badr.page.reload();
  await badr.sees(badr.text("settings.keys_state_no_backup"));
  assert.equal(await badr.page.getByText(badr.text("settings.keys_state_ready")).count(), 0);
  await badr.pressButton("settings.recovery_new");
  await badr.pressButton("settings.recovery_make", badr.page.getByRole("dialog"));
  const key = badr.page.locator("[data-recovery-key]");
  await key.waitFor();
  assert.notEqual(await key.getAttribute("data-recovery-key"), badr.recoveryKey);
  await badr.click(badr.page.locator("[data-save-key]"));
  await badr.sees(badr.text("settings.keys_state_ready"));
  assert.notEqual((await call(stage.base, token, "GET", "room_keys/version"))["version"], version);
});
