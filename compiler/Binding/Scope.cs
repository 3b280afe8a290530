using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Binding;

/// <summary>Everything that a file and its imports declare.</summary>
internal sealed class Scope
{
    private readonly List<ConfigEntry> _config = [];
    private readonly List<FunctionItem> _functions = [];
    private readonly List<BlockItem> _blocks = [];
    private readonly Dictionary<string, SourceSpan> _names = [];

    public Scope(IReadOnlyList<ParsedFile> files, DiagnosticBag diagnostics)
    {
        List<Item> items = files.SelectMany(file => file.File!.Items).ToList();
        foreach (Item item in items) Declare(item, diagnostics);
        foreach (ArchitectureItem item in items.OfType<ArchitectureItem>())
        {
            if (Architecture(item, diagnostics) is { } architecture) Architectures.Add(architecture);
        }
    }

    public List<BoundArchitecture> Architectures { get; } = [];

    public BoundModel? Model(ModelItem model, DiagnosticBag diagnostics)
    {
        BoundArchitecture? architecture = Architectures.FirstOrDefault(candidate => candidate.Name == model.Architecture.Text);
        if (architecture is null)
        {
            diagnostics.Add(Diagnostics.UnknownName, model.Architecture.Span,
                $"there is no architecture '{model.Architecture.Text}'{NearestName.Suggest(model.Architecture.Text, Architectures.Select(a => a.Name))}");
            return null;
        }

        var mentioned = new HashSet<string>(Mentioned(architecture));
        foreach (Name name in model.Settings.Select(setting => setting.Name))
        {
            // A dotted name is read with its group: rope_scaling.factor with rope_scaling.
            string head = name.Text.Split('.')[0];
            if (mentioned.Contains(name.Text) || mentioned.Contains(head)) continue;
            diagnostics.Add(Diagnostics.ConfigUnread, name.Span,
                $"{architecture.Name} does not read '{name.Text}'{NearestName.Suggest(name.Text, mentioned.Where(m => !m.Contains(".")))}");
        }

        return Bind(model.Name.Text, architecture, SettingReader.Read(model.Settings, diagnostics), model.Sections, model.Name.Span, diagnostics);
    }

    public BoundModel Bind(
        string name,
        BoundArchitecture architecture,
        IReadOnlyDictionary<string, ConfigValue> settings,
        IEnumerable<Item> sections,
        SourceSpan span,
        DiagnosticBag diagnostics)
    {
        List<Item> own = sections.ToList();
        BoundTraining? training = TrainingBinder.Bind(
            [architecture.Train, .. own.OfType<TrainItem>()], diagnostics);
        BoundPlacement? placement = PlacementBinder.Bind(
            [architecture.Parallel, .. own.OfType<ParallelItem>()], diagnostics);
        return new ConfigBinder(name, architecture, settings, diagnostics).Bind(training, placement, span);
    }

    /// <summary>The architecture for a config.json.</summary>
    public BoundArchitecture? Choose(
        ParsedFile file, IReadOnlyDictionary<string, string> config, string? name, DiagnosticBag diagnostics)
    {
        var start = new SourceSpan(file.Path, 0, 0, 1, 1);
        config.TryGetValue("model_type", out string? type);
        string known = Architectures.Count == 0 ? "none" : string.Join(", ", Architectures.Select(a => a.Name));
        if (name is not null)
        {
            if (Architectures.FirstOrDefault(a => a.Name == name) is { } named) return named;
            diagnostics.Add(Diagnostics.UnknownName, start, $"there is no architecture '{name}'; there is {known}");
            return null;
        }

        List<BoundArchitecture> fitting = Architectures.Where(a => type is not null && a.ModelTypes.Contains(type)).ToList();
        if (fitting.Count == 1) return fitting[0];
        if (fitting.Count == 0 && Architectures.Count == 1) return Architectures[0];
        diagnostics.Add(Diagnostics.ArchitectureUnclear, start,
            $"{(fitting.Count == 0 ? "no architecture reads" : "several architectures read")} model_type '{type ?? "null"}'; there is {known}");
        return null;
    }

    private static IEnumerable<string> Mentioned(BoundArchitecture architecture) =>
        architecture.Config.SelectMany(entry => SyntaxNames.In(entry.Value))
            .Concat(architecture.Functions.SelectMany(function => SyntaxNames.In(function.Body)))
            .Concat(architecture.Blocks.SelectMany(block => block.Statements).SelectMany(SyntaxNames.In))
            .Concat(architecture.Entry.Statements.SelectMany(SyntaxNames.In))
            .Concat(architecture.Predict is { } predict
                ? predict.Statements.SelectMany(SyntaxNames.In)
                    .Concat(predict.Condition is { } condition ? SyntaxNames.In(condition) : [])
                    .Concat(SyntaxNames.In(predict.At))
                : []);

    private void Declare(Item item, DiagnosticBag diagnostics)
    {
        switch (item)
        {
            case ConfigItem config:
                Merge(_config, config.Entries, diagnostics);
                break;
            case FunctionItem function when IsNew(_names, function.Name, diagnostics) && AreDistinct(function.Parameters, diagnostics):
                _functions.Add(function);
                break;
            case BlockItem block when IsNew(_names, block.Name, diagnostics) && AreDistinct(block.Parameters, diagnostics):
                _blocks.Add(block);
                break;
            case ArchitectureItem architecture:
                IsNew(_names, architecture.Name, diagnostics);
                break;
            case ModelItem model:
                IsNew(_names, model.Name, diagnostics);
                break;
        }
    }

    private BoundArchitecture? Architecture(ArchitectureItem item, DiagnosticBag diagnostics)
    {
        var names = new Dictionary<string, SourceSpan>(_names);
        var config = new List<ConfigEntry>(_config);
        List<FunctionItem> functions = [.. _functions];
        List<BlockItem> blocks = [.. _blocks];
        foreach (Item inner in item.Items)
        {
            if (inner is ConfigItem section) Merge(config, section.Entries, diagnostics);
            if (inner is FunctionItem function && IsNew(names, function.Name, diagnostics) && AreDistinct(function.Parameters, diagnostics)) functions.Add(function);
            if (inner is BlockItem block && IsNew(names, block.Name, diagnostics) && AreDistinct(block.Parameters, diagnostics)) blocks.Add(block);
        }

        EntryItem? entry = Single<EntryItem>(item, "model(…)", diagnostics);
        PredictItem? predict = Single<PredictItem>(item, "predict(…)", diagnostics);
        TrainItem? train = Single<TrainItem>(item, "train", diagnostics);
        ParallelItem? parallel = Single<ParallelItem>(item, "parallel", diagnostics);
        if (entry is null)
        {
            diagnostics.Add(Diagnostics.MissingPart, item.Name.Span,
                $"{item.Name.Text} has no 'model(token[t] in v) -> logits[t,v] {{ … }}', which says what runs");
            return null;
        }

        return new BoundArchitecture(
            item.Name.Text,
            item.ModelTypes.Select(type => type.Text).ToEquatable(),
            config.ToEquatable(),
            functions.ToEquatable(),
            blocks.ToEquatable(),
            entry,
            predict,
            train,
            parallel,
            item.Name.Span);
    }

    private static T? Single<T>(ArchitectureItem architecture, string what, DiagnosticBag diagnostics) where T : Item
    {
        List<T> found = architecture.Items.OfType<T>().ToList();
        if (found.Count > 1) diagnostics.Add(Diagnostics.DefinedTwice, found[1].Span with { Length = 1 }, $"{architecture.Name.Text} has more than one '{what}'");
        return found.FirstOrDefault();
    }

    /// <summary>Parts may repeat a definition word for word, so that each can be read alone.</summary>
    private static void Merge(List<ConfigEntry> config, IEnumerable<ConfigEntry> more, DiagnosticBag diagnostics)
    {
        foreach (ConfigEntry entry in more)
        {
            ConfigEntry? old = entry.Name is null ? null : config.FirstOrDefault(known => known.Name?.Text == entry.Name.Text);
            if (entry is { Kind: ConfigEntryKind.Axis, Name.Text: "t" or "s" })
            {
                diagnostics.Add(Diagnostics.DefinedTwice, entry.Name.Span, $"axis {entry.Name.Text} is built in: t are the step's tokens, s the positions in the cache");
            }
            else if (old is null)
            {
                config.Add(entry);
            }
            else if (old.Kind != entry.Kind || old.Value.Print() != entry.Value.Print())
            {
                diagnostics.Add(Diagnostics.DefinedTwice, entry.Name!.Span,
                    $"'{entry.Name.Text}' is {old.Value.Print()} already ({Place(old.Span)}); a second definition must be the same");
            }
        }
    }

    private static bool IsNew(Dictionary<string, SourceSpan> names, Name name, DiagnosticBag diagnostics)
    {
        if (!names.TryGetValue(name.Text, out SourceSpan first))
        {
            names.Add(name.Text, name.Span);
            return true;
        }

        diagnostics.Add(Diagnostics.DefinedTwice, name.Span, $"'{name.Text}' is defined twice; first in {Place(first)}");
        return false;
    }

    /// <summary>Parameters have names of their own, and so have the axes of each.</summary>
    private static bool AreDistinct(EquatableArray<Parameter> parameters, DiagnosticBag diagnostics)
    {
        List<Name> twice = [.. Repeated(parameters.Select(parameter => parameter.Name)), .. parameters.SelectMany(parameter => Repeated(parameter.Axes))];
        foreach (Name name in twice) diagnostics.Add(Diagnostics.DefinedTwice, name.Span, $"'{name.Text}' stands here twice");
        return twice.Count == 0;
    }

    private static IEnumerable<Name> Repeated(IEnumerable<Name> names) => names.GroupBy(name => name.Text).SelectMany(group => group.Skip(1));

    private static string Place(SourceSpan span) => $"{span.Path.Substring(span.Path.LastIndexOf('/') + 1)}, line {span.Line}";
}
