import { useState } from "react";
import { ArrowLeftRight, LogOut, UserPlus } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useApp } from "@/app/app_context";
import { navigate } from "@/app/navigation";
import { localpart } from "@/domain/matrix_id";
import { Avatar } from "../common/Avatar";
import { Button } from "../common/Button";
import { ConfirmDialog } from "../common/Dialog";
import { useReadable } from "../use_readable";
import { Buttons, Item, List, Section } from "./parts";
import css from "./settings.module.css";
import { useChange } from "./use_change";

export default function AccountsPage() {
  const { t } = useTranslation();
  const { model } = useApp();
  const accounts = useReadable(model.accounts);
  const active = useReadable(model.active);
  const change = useChange();
  const [leaving, setLeaving] = useState<string>();
  const open = (userId: string): void => change.run(async () => {
    navigate({ page: "home" });
    await model.switchTo(userId);
  });
  return (
    <Section text={t("settings.accounts_text")}>
      <List>
        {accounts.map(({ userId, baseUrl }) => (
          <Item
            key={userId}
            name={localpart(userId)}
            picture={<Avatar id={userId} name={localpart(userId)} size={40} />}
            actions={<Buttons>
              {userId !== active?.userId && <Button icon={ArrowLeftRight} onClick={() => open(userId)}>{t("settings.account_open")}</Button>}
              <Button icon={LogOut} onClick={() => setLeaving(userId)}>{t("settings.account_remove")}</Button>
            </Buttons>}
          >
            <bdi className={css.small} dir="ltr">{userId}</bdi>
            <span className={css.small}>{userId === active?.userId ? t("settings.account_here") : new URL(baseUrl).host}</span>
          </Item>
        ))}
      </List>
      <Buttons><Button icon={UserPlus} variant="primary" onClick={() => navigate({ page: "login", token: "", userId: "" })}>{t("shell.addAccount")}</Button></Buttons>
      <ConfirmDialog
        open={leaving !== undefined}
        onOpenChange={(isOpen) => !isOpen && setLeaving(undefined)}
        title={t("settings.account_remove_title")}
        description={t("settings.account_remove_text", { user: leaving ?? "" })}
        confirm={t("settings.account_remove")}
        danger
        onConfirm={() => { if (leaving !== undefined) change.run(() => model.remove(leaving)); }}
      />
    </Section>
  );
}
