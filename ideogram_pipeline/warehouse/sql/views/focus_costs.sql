-- What does the ledger look like to a FinOps tool? One row per entry under the column names of FOCUS 1.2 (https://focus.finops.org).
-- The provider sells prepaid credits, so every amount is in the virtual currency Credit. What a
-- credit cost in money stands on no row of ours: the columns in the billing currency are null.
-- FOCUS counts the refund of a usage charge as negative Usage; its category Credit is for gifts of
-- the provider. Billing periods are taken to be calendar months in UTC.
CREATE VIEW focus_costs AS
SELECT
    provider AS "ProviderName",
    provider AS "InvoiceIssuerName",
    CAST(NULL AS VARCHAR) AS "BillingAccountId",
    CAST(NULL AS VARCHAR) AS "BillingCurrency",
    CAST(NULL AS DECIMAL(18, 6)) AS "BilledCost",
    CAST(NULL AS DECIMAL(18, 6)) AS "EffectiveCost",
    date_trunc('month', booked_at) AS "BillingPeriodStart",
    date_trunc('month', booked_at) + INTERVAL 1 MONTH AS "BillingPeriodEnd",
    date_trunc('day', booked_at) AS "ChargePeriodStart",
    date_trunc('day', booked_at) + INTERVAL 1 DAY AS "ChargePeriodEnd",
    'Usage' AS "ChargeCategory",
    CASE
        WHEN entry_type <> 'charge' AND date_trunc('month', booked_at) > date_trunc('month', charged_at)
            THEN 'Correction'
    END AS "ChargeClass",
    CASE entry_type
        WHEN 'charge' THEN 'Image generation, '
        WHEN 'refund' THEN 'Refund of image generation, '
        ELSE 'Price correction of image generation, '
    END || coalesce(rendering_speed, 'unknown speed') AS "ChargeDescription",
    'Usage-Based' AS "ChargeFrequency",
    'AI and Machine Learning' AS "ServiceCategory",
    'ideogram-character' AS "ServiceName",
    'ideogram-character/' || rendering_speed AS "SkuId",
    job_id AS "ResourceId",
    'Image generation job' AS "ResourceType",
    CASE entry_type WHEN 'charge' THEN 1 WHEN 'refund' THEN -1 ELSE 0 END AS "ConsumedQuantity",
    'Image' AS "ConsumedUnit",
    CASE entry_type WHEN 'charge' THEN 1 WHEN 'refund' THEN -1 ELSE 0 END AS "PricingQuantity",
    'Image' AS "PricingUnit",
    'Credit' AS "PricingCurrency",
    CASE WHEN entry_type <> 'correction' THEN abs(credits) END AS "PricingCurrencyContractedUnitPrice",
    credits AS "PricingCurrencyEffectiveCost",
    entry_id AS "x_EntryId",
    run_id AS "x_RunId",
    character_id AS "x_CharacterId",
    prompt_id AS "x_PromptId"
FROM credit_ledger
LEFT JOIN (
    SELECT provider, job_id, min(booked_at) AS charged_at
    FROM credit_ledger
    WHERE entry_type = 'charge'
    GROUP BY provider, job_id
) AS charge USING (provider, job_id)
ORDER BY booked_at, entry_id;

COMMENT ON VIEW focus_costs IS 'What does the ledger look like to a FinOps tool? One row per entry under the column names of FOCUS 1.2 (https://focus.finops.org).';
COMMENT ON COLUMN focus_costs."ProviderName" IS 'Whose credits: apiframe or sandbox.';
COMMENT ON COLUMN focus_costs."InvoiceIssuerName" IS 'Who sends the invoice: the provider.';
COMMENT ON COLUMN focus_costs."BillingAccountId" IS 'Null: the ledger does not know the account.';
COMMENT ON COLUMN focus_costs."BillingCurrency" IS 'Null: the ledger does not know what a credit cost in money.';
COMMENT ON COLUMN focus_costs."BilledCost" IS 'Null: money on the invoice is not known here.';
COMMENT ON COLUMN focus_costs."EffectiveCost" IS 'Null: money is not known here; see PricingCurrencyEffectiveCost.';
COMMENT ON COLUMN focus_costs."BillingPeriodStart" IS 'First moment of the calendar month, UTC.';
COMMENT ON COLUMN focus_costs."BillingPeriodEnd" IS 'First moment after the calendar month, UTC.';
COMMENT ON COLUMN focus_costs."ChargePeriodStart" IS 'First moment of the day of the entry, UTC.';
COMMENT ON COLUMN focus_costs."ChargePeriodEnd" IS 'First moment after that day, UTC.';
COMMENT ON COLUMN focus_costs."ChargeCategory" IS 'Usage, for refunds too, as FOCUS has it.';
COMMENT ON COLUMN focus_costs."ChargeClass" IS 'Correction for an entry in a later month than the charge that it changes, else null.';
COMMENT ON COLUMN focus_costs."ChargeDescription" IS 'What the entry is, in words.';
COMMENT ON COLUMN focus_costs."ChargeFrequency" IS 'Usage-Based: paid as it is used.';
COMMENT ON COLUMN focus_costs."ServiceCategory" IS 'AI and Machine Learning, one of the categories that FOCUS names.';
COMMENT ON COLUMN focus_costs."ServiceName" IS 'The model that was used.';
COMMENT ON COLUMN focus_costs."SkuId" IS 'Model and rendering speed, which decide the price.';
COMMENT ON COLUMN focus_costs."ResourceId" IS 'The provider''s job.';
COMMENT ON COLUMN focus_costs."ResourceType" IS 'What ResourceId names: an image generation job.';
COMMENT ON COLUMN focus_costs."ConsumedQuantity" IS 'Images: 1, or -1 for a refund, or 0 for a correction of the price.';
COMMENT ON COLUMN focus_costs."ConsumedUnit" IS 'Image.';
COMMENT ON COLUMN focus_costs."PricingQuantity" IS 'Images priced: 1, or -1 for a refund, or 0 for a correction of the price.';
COMMENT ON COLUMN focus_costs."PricingUnit" IS 'Image.';
COMMENT ON COLUMN focus_costs."PricingCurrency" IS 'Credit, the virtual currency of the provider.';
COMMENT ON COLUMN focus_costs."PricingCurrencyContractedUnitPrice" IS 'Credits per image; null for a correction of the price.';
COMMENT ON COLUMN focus_costs."PricingCurrencyEffectiveCost" IS 'Credits spent: negative for a refund.';
COMMENT ON COLUMN focus_costs."x_EntryId" IS 'The ledger entry.';
COMMENT ON COLUMN focus_costs."x_RunId" IS 'The run that the entry belongs to.';
COMMENT ON COLUMN focus_costs."x_CharacterId" IS 'The character that it was spent on.';
COMMENT ON COLUMN focus_costs."x_PromptId" IS 'The prompt that it was spent on.';
