import { useTranslation } from "react-i18next";
import { useApp } from "@/app/app_context";
import { Button } from "@/views/common/Button";
import css from "./ArriveForm.module.css";
import { ProblemNote } from "./ProblemNote";
import { useSubmit } from "./use_submit";

interface ConfirmLogInProps {
  readonly token: string;
  readonly userId: string;
  readonly onDone: () => void;
  readonly onOther: () => void;
}

/** Opened by a one-time link. It asks first: nobody should be put into a stranger's account by a link. */
export function ConfirmLogIn({ token, userId, onDone, onOther }: ConfirmLogInProps) {
  const { t } = useTranslation();
  const { arrival, model } = useApp();
  const submit = useSubmit(async () => {
    await model.add(await arrival.logInWithToken(token), "restore");
    onDone();
  });
  return (
    <form className={css.form} onSubmit={submit.run}>
      <div className={css.heading}>
        <h1 className={css.title}>{t("arrive.confirmTitle")}</h1>
        <p className={css.intro}>{t("arrive.confirmIntro")}</p>
        {userId !== "" && <p><bdi dir="ltr"><strong>{userId}</strong></bdi></p>}
      </div>
      <ProblemNote problem={submit.problem} />
      <Button type="submit" variant="primary" wide autoFocus busy={submit.isBusy && t("arrive.loggingIn")}>{t("arrive.logIn")}</Button>
      <p className={css.swap}><button type="button" className={css.link} onClick={onOther}>{t("arrive.logInInstead")}</button></p>
    </form>
  );
}
