using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Graph;

/// <summary>What the regions of a model share while they are built.</summary>
internal sealed class ModelState
{
    /// <summary>Far beyond any model (V3 takes some thousand), and still a fraction of a second.</summary>
    private const int MostSteps = 150_000;

    private int _steps;

    public ModelState(BoundModel model)
    {
        Model = model;
        Functions = model.Architecture.Functions.ToDictionary(function => function.Name.Text);
        Blocks = model.Architecture.Blocks.ToDictionary(block => block.Name.Text);
        foreach (BoundAxis axis in model.Axes) Axes[axis.Name] = axis.Size is { } size ? new Axis(axis.Name, size) : null;
        Axes["t"] = Tokens;
        Axes["s"] = Positions;
        foreach (NamedValue value in model.Values) Values[value.Name] = value.Value;
        foreach (NamedValue setting in model.Settings) Settings[setting.Name] = setting.Value;
        foreach (NamedValue read in model.Read) Read[read.Name] = read.Value;
    }

    public static Axis Tokens { get; } = new("t", 0, Extent.Tokens);

    public static Axis Positions { get; } = new("s", 0, Extent.Positions);

    public BoundModel Model { get; }

    public DiagnosticBag Diagnostics { get; } = new();

    public Dictionary<string, FunctionItem> Functions { get; }

    public Dictionary<string, BlockItem> Blocks { get; }

    /// <summary>Null where an axis is none.</summary>
    public Dictionary<string, Axis?> Axes { get; } = [];

    public Dictionary<string, ConfigValue> Values { get; } = [];

    public Dictionary<string, ConfigValue> Settings { get; } = [];

    public SortedDictionary<string, ConfigValue> Read { get; } = new(System.StringComparer.Ordinal);

    public Dictionary<string, (WeightTensor Tensor, SourceSpan Span)> Weights { get; } = [];

    public Dictionary<string, CacheSpecification> Caches { get; } = [];

    public bool IsExhausted { get; private set; }

    /// <summary>Whether a value too wide to compile is reported already; those made of it need not be.</summary>
    public bool IsTooWide { get; set; }

    /// <summary>Counts work, so that calls that multiply without end stop with a message.</summary>
    /// <returns>Whether to go on.</returns>
    public bool Spend(SourceSpan span)
    {
        if (IsExhausted) return false;
        if (++_steps < MostSteps) return true;
        IsExhausted = true;
        Diagnostics.Add(Compiler.Diagnostics.ModelTooLarge, span,
            $"the model is too large: its calls unfold to more than {MostSteps} expressions here");
        return false;
    }
}
