import { useState } from "react";
import { Download, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useApp } from "@/app/app_context";
import { useEngine } from "@/app/engine_context";
import { navigate } from "@/app/navigation";
import { Banner } from "../common/Banner";
import { Button } from "../common/Button";
import { Switch } from "../common/Switch";
import { TextField } from "../common/TextField";
import { Buttons, PasswordDialog, Section } from "./parts";
import css from "./settings.module.css";

/** Ends the account for good: said in words, confirmed by typing its name and by the password. */
export default function DeletePage() {
  const { t } = useTranslation();
  const { model } = useApp();
  const { userId, settings } = useEngine();
  const [erases, setErases] = useState(true);
  const [typed, setTyped] = useState("");
  const [isAsking, setIsAsking] = useState(false);
  const isSame = typed.trim() === userId || typed.trim() === userId.slice(0, userId.indexOf(":")) || `@${typed.trim()}` === userId.slice(0, userId.indexOf(":"));
  return (
    <>
      <Section title={t("settings.delete_what")}>
        <ul className={css.plain}>
          <li>{t("settings.delete_sessions")}</li>
          <li>{t("settings.delete_data")}</li>
          <li>{t("settings.delete_leaves")}</li>
          <li>{t("settings.delete_id")}</li>
          <li>{t("settings.delete_others")}</li>
        </ul>
        <Banner tone="danger" rounded>{t("settings.delete_final")}</Banner>
        <Buttons><Button icon={Download} onClick={() => navigate({ page: "settings", section: "export" })}>{t("settings.delete_export_first")}</Button></Buttons>
      </Section>
      <Section>
        <Switch label={t("settings.delete_erase")} hint={t("settings.delete_erase_hint")} checked={erases} onCheckedChange={setErases} />
        <TextField label={t("settings.delete_type")} hint={<bdi dir="ltr">{userId}</bdi>} name="delete-confirm" value={typed} dir="ltr" autoComplete="off" autoCapitalize="none" spellCheck={false} maxLength={255} onChange={(event) => setTyped(event.target.value)} />
        <Buttons><Button icon={Trash2} variant="danger" disabled={!isSame} onClick={() => setIsAsking(true)}>{t("settings.delete_go")}</Button></Buttons>
      </Section>
      {isAsking && (
        <PasswordDialog
          title={t("settings.delete_title")}
          description={t("settings.delete_final")}
          confirm={t("settings.delete_now")}
          busy={t("settings.deleting")}
          danger
          onConfirm={async (password) => {
            await settings.deleteAccount(password, erases);
            navigate({ page: "home" }, true);
            await model.remove(userId, true);
          }}
          onClose={() => setIsAsking(false)}
        />
      )}
    </>
  );
}
