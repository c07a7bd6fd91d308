import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useApp } from "@/app/app_context";
import { navigate, useRoute } from "@/app/navigation";
import { Banner } from "@/views/common/Banner";
import { ArriveFrame } from "./ArriveFrame";
import css from "./ArriveForm.module.css";
import { ConfirmLogIn } from "./ConfirmLogIn";
import { LogIn } from "./LogIn";
import { ResetPassword } from "./ResetPassword";
import { SignUp } from "./SignUp";

type Form = "sign-up" | "log-in" | "confirm" | "reset";

function useFirstForm(): Form {
  const route = useRoute();
  if (route.page === "reset-password") return "reset";
  if (route.page === "login") return route.token === "" ? "log-in" : "confirm";
  return "sign-up";
}

/** Sign-up, log-in and password reset. `onCancel` leads back where there is an account already. */
export function Arrive({ onCancel }: { readonly onCancel?: (() => void) | undefined }) {
  const { t } = useTranslation();
  const { mayEncrypt } = useApp();
  const route = useRoute();
  const first = useFirstForm();
  const [chosen, setChosen] = useState<{ readonly form: Form; readonly userId: string } | null>(null);
  const form = chosen?.form ?? first;
  const show = (next: Form, userId = ""): void => setChosen({ form: next, userId });
  // A link's secret has no business in the address once it is used; the address of an invitation stays for after.
  const finish = (): void => navigate(route.page === "target" ? { page: "target", target: route.target } : { page: "home" }, true);
  const token = "token" in route ? route.token : "";
  const registrationToken = route.page === "target" ? route.registrationToken ?? "" : route.page === "register" ? token : "";
  return (
    <ArriveFrame>
      <div className={css.form}>
        {!mayEncrypt && <Banner tone="danger" rounded>{t("arrive.insecure")}</Banner>}
        {route.page === "target" && <Banner rounded>{t("arrive.invited")}</Banner>}
        {form === "sign-up" && <SignUp token={registrationToken} onLogIn={() => show("log-in")} onDone={finish} />}
        {form === "log-in" && <LogIn userId={chosen?.userId ?? (route.page === "login" ? route.userId : "")} onSignUp={() => show("sign-up")} onDone={finish} />}
        {form === "confirm" && route.page === "login" && <ConfirmLogIn token={route.token} userId={route.userId} onDone={finish} onOther={() => show("log-in", route.userId)} />}
        {form === "reset" && <ResetPassword token={token} onLogIn={(userId) => { finish(); show("log-in", userId); }} />}
        {onCancel && <p className={css.swap}><button type="button" className={css.link} onClick={onCancel}>{t("arrive.backToChats")}</button></p>}
      </div>
    </ArriveFrame>
  );
}
