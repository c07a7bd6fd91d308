import { runStory } from "./story.ts";

/** Strangers ask to talk: one is accepted, one is blocked, and nothing of theirs is fetched before that. */
await runStory(async (stage) => {
  const anna = await stage.newPerson("anna");
  const badr = await stage.newPerson("badr");
  const carla = await stage.newPerson("carla");
  for (const person of [anna, badr, carla]) await person.signUp(stage.invitationLink());
  const fetched: string[] = [];
  anna.page.on("request", (request) => { if (request.url().includes("/media/")) fetched.push(request.url()); });

  await badr.startChat("anna");
  await badr.write("Do you remember me?");
  await carla.startChat("anna");
  await carla.write("Buy now");

  await anna.openChat("badr");
  await anna.page.locator("[data-request]").waitFor();
  await anna.sees("@badr:localhost");
  await anna.sees(anna.text("trust.unknown_means"));
  await anna.accept();
  await anna.sees("Do you remember me?");
  await anna.write("Of course");
  await badr.sees("Of course");

  await anna.openChat("carla");
  await anna.click(anna.page.locator('[data-request-answer="block"]'));
  await anna.pressButton("people.block_short", anna.page.getByRole("dialog"));
  await anna.page.locator("[data-room]").filter({ hasText: "carla" }).waitFor({ state: "detached" });
  await carla.startChat("anna");
  await carla.write("Buy now, really");
  await anna.openChat("badr");
  await anna.write("Still here?");
  await badr.sees("Still here?");
  await badr.write("Yes");
  await anna.sees("Yes");
  if ((await anna.page.locator("[data-room]").filter({ hasText: "carla" }).count()) > 0) throw new Error("a blocked person's request is shown");
  if (fetched.length > 0) throw new Error(`fetched from strangers: ${fetched.join(" ")}`);
});
