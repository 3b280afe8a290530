using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;

namespace Sinter.Compiler;

/// <summary>Every SIN0xxx: its number and title. A page of docs/diagnostics explains each; numbers are never used again.</summary>
public static class Diagnostics
{
    public const string Unexpected = "SIN0001";
    public const string NestedTooDeeply = "SIN0002";
    public const string NumberOutOfRange = "SIN0003";
    public const string Unterminated = "SIN0004";

    public const string UnknownName = "SIN0101";
    public const string DefinedTwice = "SIN0102";
    public const string ImportNotFound = "SIN0103";
    public const string ImportCycle = "SIN0104";
    public const string UnknownKey = "SIN0105";
    public const string CallsItself = "SIN0106";
    public const string WrongKindOfName = "SIN0107";
    public const string MissingPart = "SIN0108";

    public const string AxesDisagree = "SIN0201";
    public const string WrongAxisCount = "SIN0202";
    public const string AxisMissingOnTheRight = "SIN0203";
    public const string AxisMissingOnTheLeft = "SIN0204";
    public const string ArgumentAxisUnclear = "SIN0205";
    public const string WeightShapesDiffer = "SIN0206";
    public const string WrongType = "SIN0207";
    public const string AxisIsNone = "SIN0208";
    public const string ChoiceOutOfRange = "SIN0209";
    public const string ModelTooLarge = "SIN0210";
    public const string SizeOutOfRange = "SIN0211";
    public const string WrongArguments = "SIN0212";
    public const string SumAxisUnclear = "SIN0213";

    public const string ConfigMissing = "SIN0301";
    public const string ConfigBadValue = "SIN0302";
    public const string ConfigUnread = "SIN0303";
    public const string ScalingUnsupported = "SIN0304";
    public const string RequirementFails = "SIN0305";
    public const string TrainingValue = "SIN0306";
    public const string ArchitectureUnclear = "SIN0307";

    public const string NoSchedule = "SIN0401";

    public static readonly IReadOnlyDictionary<string, DiagnosticDescriptor> All = new[]
    {
        Error(Unexpected, "Unexpected text"),
        Error(NestedTooDeeply, "Nested too deeply"),
        Error(NumberOutOfRange, "Number out of range"),
        Error(Unterminated, "Unterminated comment or text"),
        Error(UnknownName, "Unknown name"),
        Error(DefinedTwice, "Name defined twice"),
        Error(ImportNotFound, "Import not found"),
        Error(ImportCycle, "Files import each other"),
        Error(UnknownKey, "Unknown key"),
        Error(CallsItself, "A function or block calls itself"),
        Error(WrongKindOfName, "Name of another kind"),
        Error(MissingPart, "A needed part is missing"),
        Error(AxesDisagree, "Axes disagree"),
        Error(WrongAxisCount, "Wrong number of axes"),
        Error(AxisMissingOnTheRight, "Axis missing on the right"),
        Error(AxisMissingOnTheLeft, "Axis missing on the left"),
        Error(ArgumentAxisUnclear, "Axis of an argument unclear"),
        Error(WeightShapesDiffer, "Weight used with two shapes"),
        Error(WrongType, "Value of another type"),
        Error(AxisIsNone, "Axis is none in this model"),
        Error(ChoiceOutOfRange, "Impossible choice"),
        Error(ModelTooLarge, "Model too large"),
        Error(SizeOutOfRange, "Size out of range"),
        Error(WrongArguments, "Wrong arguments"),
        Error(SumAxisUnclear, "Part of a sum axis unclear"),
        Error(ConfigMissing, "Config name missing"),
        Error(ConfigBadValue, "Config value unusable"),
        Error(ConfigUnread, "Config name not read"),
        Error(ScalingUnsupported, "Rope scaling unsupported"),
        Error(RequirementFails, "Requirement not met"),
        Error(TrainingValue, "Unusable value in a train or parallel section"),
        Error(ArchitectureUnclear, "Architecture unclear"),
        Error(NoSchedule, "No schedule runs this"),
    }.ToDictionary(descriptor => descriptor.Id);

    public static Diagnostic ToDiagnostic(this DiagnosticInfo info) =>
        Diagnostic.Create(All[info.Id], info.Span.ToLocation(), info.Message);

    private static DiagnosticDescriptor Error(string id, string title) =>
        new(id, title, messageFormat: "{0}", category: "Sinter", DiagnosticSeverity.Error, isEnabledByDefault: true);
}
