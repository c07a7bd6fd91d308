import "@/views/common/base.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { startLanguage } from "@/i18n/language";
import { registerServiceWorker } from "@/platform/service_worker_registration";
import { App } from "./app";
import { AppContext } from "./app_context";
import { chosenLanguage, followOtherTabs, showAppearance, usesLatinDigits } from "./appearance";
import { finishWipe, startLock } from "./app_lock";
import { showDeviceSettings } from "./device_settings";
import { awaitFirstScreen, buildServices } from "./services";

async function start(): Promise<void> {
  if (await finishWipe()) {
    location.reload();
    return;
  }
  showAppearance();
  showDeviceSettings();
  startLock();
  const [services] = await Promise.all([buildServices(), startLanguage(chosenLanguage(), usesLatinDigits())]);
  followOtherTabs();
  await awaitFirstScreen(services);
  createRoot(document.getElementById("root")!).render(
    <StrictMode>
      <AppContext value={services}>
        <App />
      </AppContext>
    </StrictMode>,
  );
  await registerServiceWorker();
}

void start();
