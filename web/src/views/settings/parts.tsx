import { useId, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { ProblemNote } from "@/views/arrive/ProblemNote";
import { PasswordField } from "@/views/arrive/PasswordField";
import { useSubmit } from "@/views/arrive/use_submit";
import { Button } from "../common/Button";
import { classNames } from "../common/class_names";
import { Dialog } from "../common/Dialog";
import css from "./settings.module.css";

/** What belongs together on a page of the settings. */
export function Section({ title, text, children }: { readonly title?: string; readonly text?: ReactNode; readonly children?: ReactNode }) {
  return (
    <section className={css.section}>
      {title && <h2 className={css.heading}>{title}</h2>}
      {text && <p className={css.text}>{text}</p>}
      {children}
    </section>
  );
}

export interface ChoicesProps<T extends string> {
  readonly title: string;
  readonly hint?: string;
  readonly value: T;
  readonly options: readonly { readonly value: T; readonly label: string }[];
  readonly disabled?: boolean;
  readonly onChange: (value: T) => void;
}

/** One of a few. */
export function Choices<T extends string>({ title, hint, value, options, disabled, onChange }: ChoicesProps<T>) {
  const name = useId();
  return (
    <fieldset className={css.choices} disabled={disabled} aria-describedby={hint ? `${name}-hint` : undefined}>
      <legend>{title}</legend>
      {hint && <p className={css.small} id={`${name}-hint`}>{hint}</p>}
      {options.map((option) => (
        <label key={option.value} className={css.choice}>
          <input type="radio" name={name} value={option.value} checked={option.value === value} onChange={() => onChange(option.value)} />
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** One of many, where a row for each would be too long. */
export function Select<T extends string>({ title, hint, value, options, onChange }: ChoicesProps<T>) {
  const id = useId();
  return (
    <div className={css.form}>
      <label htmlFor={id}><strong>{title}</strong></label>
      <select id={id} className={css.select} value={value} onChange={(event) => onChange(event.target.value as T)} aria-describedby={hint ? `${id}-hint` : undefined}>
        {options.map((option) => <option key={option.value} value={option.value}>{option.label}</option>)}
      </select>
      {hint && <p className={css.small} id={`${id}-hint`}>{hint}</p>}
    </div>
  );
}

export interface PasswordDialogProps {
  readonly title: string;
  readonly description: ReactNode;
  readonly confirm: string;
  readonly busy: string;
  readonly danger?: boolean;
  readonly disabled?: boolean;
  readonly children?: ReactNode;
  readonly onConfirm: (password: string) => Promise<void>;
  readonly onClose: () => void;
}

/** Asks for the account's password before the server does what only its owner may. A failure stays in the dialog. */
export function PasswordDialog({ title, description, confirm, busy, danger, disabled, children, onConfirm, onClose }: PasswordDialogProps) {
  const { t } = useTranslation();
  const [password, setPassword] = useState("");
  const form = useId();
  const submit = useSubmit(async () => {
    await onConfirm(password);
    onClose();
  });
  return (
    <Dialog open onOpenChange={(open) => !open && !submit.isBusy && onClose()} title={title} description={description} size="s" footer={<>
      <Button variant="quiet" onClick={onClose}>{t("ui.cancel")}</Button>
      <Button type="submit" form={form} variant={danger ? "danger" : "primary"} disabled={password === "" || disabled} busy={submit.isBusy && busy}>{confirm}</Button>
    </>}>
      <form id={form} className={css.form} onSubmit={submit.run} noValidate>
        {children}
        <OwnUsername />
        <PasswordField label={t("settings.password")} value={password} onChange={setPassword} />
        <ProblemNote problem={submit.problem} />
      </form>
    </Dialog>
  );
}

/** Tells password managers whose password is asked for. */
export function OwnUsername() {
  const { userId } = useEngine();
  return <input type="text" autoComplete="username" value={userId} readOnly hidden />;
}

export function Buttons({ children }: { readonly children: ReactNode }) {
  return <div className={css.buttons}>{children}</div>;
}

/** A person's, device's or chat's row with buttons at its end. */
export function Item({ picture, name, children, actions }: { readonly picture?: ReactNode; readonly name: string; readonly children?: ReactNode; readonly actions?: ReactNode }) {
  return (
    <li className={css.item}>
      {picture}
      <div className={css.itemText}>
        <bdi className={css.itemName}>{name}</bdi>
        {children}
      </div>
      {actions}
    </li>
  );
}

export function List({ children, className }: { readonly children: ReactNode; readonly className?: string }) {
  return <ul className={classNames(css.list, className)}>{children}</ul>;
}
