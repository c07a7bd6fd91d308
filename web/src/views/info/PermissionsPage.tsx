import { useId } from "react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { circleOf, may, PERMISSIONS, type Circle } from "@/domain/room_powers";
import { useShowProblem } from "../common/Toasts";
import { useReadable } from "../use_readable";
import { InfoSection } from "./parts";
import css from "./info.module.css";

const CIRCLES: readonly Circle[] = ["everyone", "moderators", "admins"];
const ACCESSES = ["invite", "knock", "public"] as const;

/** Who may come in, and who may do what. Those who may not change it read it. */
export function PermissionsPage({ roomId }: { readonly roomId: string }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const care = engine.care(roomId);
  const { kind } = useReadable(engine.openChat(roomId).summary);
  const { access, powers, encrypted } = useReadable(care.details);
  const mayChange = may(powers, "powers");
  return <>
    <InfoSection>
      <Field
        label={t("new_chat.access")}
        value={access}
        disabled={!may(powers, "access")}
        options={(access === "restricted" ? [...ACCESSES, "restricted" as const] : ACCESSES).map((value) => ({ value, label: t(`info.access_${value}`) }))}
        hint={encrypted && access === "public" ? t("info.public_encrypted") : t(`info.access_${access}_hint`)}
        onChange={(value) => { if (value !== "restricted") void care.setAccess(value).catch(showProblem); }}
      />
    </InfoSection>
    <InfoSection>
      {PERMISSIONS.filter((each) => kind !== "community" || each !== "pin").map((permission) => (
        <Field
          key={permission}
          label={t(`info.permission_${permission}`)}
          value={circleOf(powers, permission)}
          disabled={!mayChange}
          options={CIRCLES.map((value) => ({ value, label: t(`info.circle_${value}`) }))}
          onChange={(circle) => void care.setPermission(permission, circle).catch(showProblem)}
        />
      ))}
      {!mayChange && <p className={css.notice}>{t("info.only_admins")}</p>}
    </InfoSection>
  </>;
}

interface FieldProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly options: readonly { readonly value: T; readonly label: string }[];
  readonly disabled: boolean;
  readonly hint?: string;
  readonly onChange: (value: T) => void;
}

function Field<T extends string>({ label, value, options, disabled, hint, onChange }: FieldProps<T>) {
  const id = useId();
  return (
    <div className={css.field}>
      <label htmlFor={id} className={css.fieldName}>{label}</label>
      <select id={id} className={css.select} value={value} disabled={disabled} onChange={(event) => { const chosen = options.find((each) => each.value === event.target.value); if (chosen) onChange(chosen.value); }}>
        {options.map((option) => <option key={option.value} value={option.value}>{option.label}</option>)}
      </select>
      {hint && <span className={css.quiet}>{hint}</span>}
    </div>
  );
}
