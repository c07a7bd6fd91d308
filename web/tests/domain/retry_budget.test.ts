import { expect, test } from "vitest";
import { BUDGET_WINDOW_MS, RETRIES_ALWAYS, RetryBudget } from "@/domain/retry_budget";

function countTaken(budget: RetryBudget, now: number): number {
  let taken = 0;
  while (taken < 1_000 && budget.takeRetry(now)) taken += 1;
  return taken;
}

test("a few retries are always there, and one for every ten requests", () => {
  expect(countTaken(new RetryBudget(), 0)).toBe(RETRIES_ALWAYS);
  const budget = new RetryBudget();
  for (let number = 0; number < 59; number += 1) budget.count(number);
  expect(countTaken(budget, 60)).toBe(RETRIES_ALWAYS + 5);
  budget.count(61);
  expect(countTaken(budget, 62)).toBe(1);
});

test("what is longer ago than the window counts no more, neither requests nor retries", () => {
  const budget = new RetryBudget();
  for (let number = 0; number < 100; number += 1) budget.count(0);
  expect(countTaken(budget, 1)).toBe(RETRIES_ALWAYS + 10);
  expect(budget.takeRetry(BUDGET_WINDOW_MS)).toBe(false);
  expect(countTaken(budget, BUDGET_WINDOW_MS + 1)).toBe(RETRIES_ALWAYS);
});
