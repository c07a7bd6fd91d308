import assert from "node:assert/strict";
import { runStory } from "./story.ts";

/** From the printed link to the chats, for two people; a second device; a new password through a reset link. */
await runStory(async (stage) => {
  const anna = await stage.newPerson("anna");
  const link = stage.base + stage.setupLink.slice(stage.setupLink.indexOf("/#"));
  await anna.goTo(link);
  await anna.fill("username", "Not Valid!");
  await anna.sees(/a–z, digits/);
  await anna.fill("password", "short");
  await anna.sees("Too short");
  await anna.fill("username", "anna");
  await anna.sees("This name is free.");
  await anna.submit();
  await anna.sees("This password is too easy to guess.");
  anna.actions = 0;
  await anna.signUp(link);
  assert.equal(anna.actions, 4, "name, password, create, save");
  assert.match(anna.recoveryKey, /^(\w{4} ){6,}\w{1,4}$/);
  assert.ok(!anna.page.url().includes("token"), "the code of the link stays in the address");

  const spoiled = await stage.newPerson("second");
  await spoiled.goTo(link);
  await spoiled.fill("username", "second");
  await spoiled.fill("password", "four random words here");
  await spoiled.submit();
  await spoiled.sees("This invitation code is wrong or used up.");
  await spoiled.page.locator("[name=token]").waitFor();

  const badr = await stage.newPerson("badr", { language: "ar", width: 360, height: 740 });
  await badr.goTo(stage.invitationLink());
  await badr.sees("أنشئ حسابك");
  assert.equal(await badr.page.locator("html").getAttribute("dir"), "rtl");
  await badr.fill("username", "anna");
  await badr.sees("هذا الاسم محجوز. اختر غيره.");
  await badr.signUp(stage.invitationLink());

  const nobody = await stage.newPerson("nobody");
  await nobody.goTo(stage.invitationLink());
  await nobody.click(nobody.button("Give me an anonymous ID"));
  await nobody.fill("password", "four random words here");
  await nobody.submit();
  await nobody.saveRecoveryKey();

  const tablet = await stage.newPerson("anna-tablet");
  await tablet.logIn("anna", "not this one");
  await tablet.sees("Name and password do not fit.");
  await tablet.logIn("anna");
  await tablet.sees("Read your older messages");
  await tablet.fill("recovery-key", "EsTc 5rr1 WRON GkEy 1234 1234 1234 1234 1234 1234 1234 1234");
  await tablet.submit();
  await tablet.page.getByRole("alert").waitFor();
  await tablet.restore(anna.recoveryKey);
  await tablet.page.reload();
  await tablet.atHome();
  await tablet.goTo("#/settings/keys");
  await tablet.sees(tablet.text("settings.keys_state_ready"));

  const reset = /http\S+#\/reset-password\?token=[\w-]+/.exec(stage.cli("user", "reset-link", "anna"))?.[0] ?? "";
  const back = await stage.newPerson("anna-back");
  await back.goTo(stage.base + reset.slice(reset.indexOf("/#")));
  await back.fill("password", "another four random words");
  await back.submit();
  await back.sees("The new password is set");
  await back.click(back.button("Log in"));
  await back.fill("password", "another four random words");
  await back.submit();
  await back.restore(anna.recoveryKey);
  await back.goTo(stage.base + reset.slice(reset.indexOf("/#")));
  await back.fill("password", "another four random words");
  await back.submit();
  await back.sees("This link is wrong, was used before, or has expired.");
});
