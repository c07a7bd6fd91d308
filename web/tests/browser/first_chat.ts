import assert from "node:assert/strict";
import { runStory } from "./story.ts";

/** Somebody who has never seen it: from the link to an encrypted message in under a minute and with six actions at most. */
await runStory(async (stage) => {
  const anna = await stage.newPerson("anna");
  await anna.signUp(stage.base + stage.setupLink.slice(stage.setupLink.indexOf("/#")));
  await anna.goTo("#/settings/keys");
  await anna.sees(anna.text("settings.keys_state_ready"));
  await anna.goTo("#/");
  await anna.atHome();

  const began = Date.now();
  const badr = await stage.newPerson("badr", { language: "ar" });
  const code = new URL(stage.invitationLink().replace("#/", "")).searchParams.get("token") ?? "";
  await badr.signUp(`${stage.base}/#/user/${encodeURIComponent("@anna:localhost")}?register=${code}`);
  await badr.write("مرحبا يا آنا");
  const seconds = (Date.now() - began) / 1000;
  console.log(`first message after ${seconds.toFixed(1)} s and ${badr.actions} actions`);

  await anna.openChat("badr");
  await anna.accept();
  await anna.sees("مرحبا يا آنا");
  await anna.write("Hello Badr, **welcome**!");
  await badr.sees("welcome");
  assert.ok(seconds < 60);
});
