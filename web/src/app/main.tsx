import { createRoot } from "react-dom/client";
import { chooseLanguage, startLanguage } from "@/i18n/language";

await startLanguage(chooseLanguage(navigator.languages));
createRoot(document.getElementById("root")!).render(<main />);
