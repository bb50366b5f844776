//! The columns of the datasets, in order, with their types. Knows no values.

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text.
    Text,
    /// A decimal number.
    Decimal,
    /// A time.
    Time,
    /// Flat JSON.
    Json,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds, if it is not null.
    pub holds: Type,
}

const fn text(name: &'static str) -> Column {
    Column { name, holds: Type::Text }
}

const fn decimal(name: &'static str) -> Column {
    Column { name, holds: Type::Decimal }
}

const fn time(name: &'static str) -> Column {
    Column { name, holds: Type::Time }
}

const fn json(name: &'static str) -> Column {
    Column { name, holds: Type::Json }
}

/// CostAndUsage of FOCUS 1.2.
pub const COST_AND_USAGE_1_2: [Column; 57] = [
    text("AvailabilityZone"),
    decimal("BilledCost"),
    text("BillingAccountId"),
    text("BillingAccountName"),
    text("BillingAccountType"),
    text("BillingCurrency"),
    time("BillingPeriodEnd"),
    time("BillingPeriodStart"),
    text("CapacityReservationId"),
    text("CapacityReservationStatus"),
    text("ChargeCategory"),
    text("ChargeClass"),
    text("ChargeDescription"),
    text("ChargeFrequency"),
    time("ChargePeriodEnd"),
    time("ChargePeriodStart"),
    text("CommitmentDiscountCategory"),
    text("CommitmentDiscountId"),
    text("CommitmentDiscountName"),
    decimal("CommitmentDiscountQuantity"),
    text("CommitmentDiscountStatus"),
    text("CommitmentDiscountType"),
    text("CommitmentDiscountUnit"),
    decimal("ConsumedQuantity"),
    text("ConsumedUnit"),
    decimal("ContractedCost"),
    decimal("ContractedUnitPrice"),
    decimal("EffectiveCost"),
    text("InvoiceId"),
    text("InvoiceIssuerName"),
    decimal("ListCost"),
    decimal("ListUnitPrice"),
    text("PricingCategory"),
    text("PricingCurrency"),
    decimal("PricingCurrencyContractedUnitPrice"),
    decimal("PricingCurrencyEffectiveCost"),
    decimal("PricingCurrencyListUnitPrice"),
    decimal("PricingQuantity"),
    text("PricingUnit"),
    text("ProviderName"),
    text("PublisherName"),
    text("RegionId"),
    text("RegionName"),
    text("ResourceId"),
    text("ResourceName"),
    text("ResourceType"),
    text("ServiceCategory"),
    text("ServiceName"),
    text("ServiceSubcategory"),
    text("SkuId"),
    text("SkuMeter"),
    json("SkuPriceDetails"),
    text("SkuPriceId"),
    text("SubAccountId"),
    text("SubAccountName"),
    text("SubAccountType"),
    json("Tags"),
];

/// CostAndUsage of FOCUS 1.4.
pub const COST_AND_USAGE_1_4: [Column; 65] = [
    json("AllocatedMethodDetails"),
    text("AllocatedMethodId"),
    text("AllocatedResourceId"),
    text("AllocatedResourceName"),
    json("AllocatedTags"),
    text("AvailabilityZone"),
    decimal("BilledCost"),
    text("BillingAccountId"),
    text("BillingAccountName"),
    text("BillingAccountType"),
    text("BillingCurrency"),
    time("BillingPeriodEnd"),
    time("BillingPeriodStart"),
    text("CapacityReservationId"),
    text("CapacityReservationStatus"),
    text("ChargeCategory"),
    text("ChargeClass"),
    text("ChargeDescription"),
    text("ChargeFrequency"),
    time("ChargePeriodEnd"),
    time("ChargePeriodStart"),
    text("CommitmentDiscountCategory"),
    text("CommitmentDiscountId"),
    text("CommitmentDiscountName"),
    decimal("CommitmentDiscountQuantity"),
    text("CommitmentDiscountStatus"),
    text("CommitmentDiscountType"),
    text("CommitmentDiscountUnit"),
    json("CommitmentProgramEligibilityDetails"),
    decimal("ConsumedQuantity"),
    text("ConsumedUnit"),
    json("ContractApplied"),
    decimal("ContractedCost"),
    decimal("ContractedUnitPrice"),
    decimal("EffectiveCost"),
    text("HostProviderName"),
    text("InvoiceDetailId"),
    text("InvoiceId"),
    text("InvoiceIssuerName"),
    decimal("ListCost"),
    decimal("ListUnitPrice"),
    text("PricingCategory"),
    text("PricingCurrency"),
    decimal("PricingCurrencyContractedUnitPrice"),
    decimal("PricingCurrencyEffectiveCost"),
    decimal("PricingCurrencyListUnitPrice"),
    decimal("PricingQuantity"),
    text("PricingUnit"),
    text("RegionId"),
    text("RegionName"),
    text("ResourceId"),
    text("ResourceName"),
    text("ResourceType"),
    text("ServiceCategory"),
    text("ServiceName"),
    text("ServiceProviderName"),
    text("ServiceSubcategory"),
    text("SkuId"),
    text("SkuMeter"),
    json("SkuPriceDetails"),
    text("SkuPriceId"),
    text("SubAccountId"),
    text("SubAccountName"),
    text("SubAccountType"),
    json("Tags"),
];

/// InvoiceDetail of FOCUS 1.4.
pub const INVOICE_DETAIL_1_4: [Column; 22] = [
    decimal("BilledCost"),
    text("BillingAccountId"),
    text("BillingCurrency"),
    time("BillingPeriodStart"),
    time("BillingPeriodEnd"),
    text("ChargeCategory"),
    time("InvoiceDetailCreated"),
    text("InvoiceDetailDescription"),
    json("InvoiceDetailGrain"),
    text("InvoiceDetailId"),
    time("InvoiceDetailLastUpdated"),
    text("InvoiceId"),
    time("InvoiceIssueDate"),
    text("InvoiceIssueStatus"),
    text("InvoiceIssuerName"),
    text("PaymentCurrency"),
    decimal("PaymentCurrencyBilledCost"),
    text("PaymentCurrencyInvoiceDetailId"),
    time("PaymentDueDate"),
    text("PaymentTerms"),
    text("PurchaseOrderNumber"),
    text("ReferenceInvoiceId"),
];

/// BillingPeriod of FOCUS 1.4.
pub const BILLING_PERIOD_1_4: [Column; 6] = [
    time("BillingPeriodStart"),
    time("BillingPeriodEnd"),
    text("BillingPeriodStatus"),
    time("BillingPeriodCreated"),
    time("BillingPeriodLastUpdated"),
    text("InvoiceIssuerName"),
];
