using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler;
using Sinter.Compiler.Syntax;
using Sinter.Runtime;

namespace Sinter.Command.Training;

/// <summary>
/// Lines that the command line lays over a model's: <c>hidden_size=128</c> of its config, <c>rate=1e-3</c> of its train section,
/// <c>pretrain.length=256</c> of a stage. They are read by the same grammar as the file.
/// </summary>
internal static class ModelOverrides
{
    private static readonly string[] s_trainLines = ["loss", "balance", "batch", "rate", "optimizer", "precision", "init", "data", "mixture", "adaptive"];

    /// <param name="lines">Each <c>key=value</c>.</param>
    /// <exception cref="SinterException">A line has no key, or cannot be read.</exception>
    public static ParsedFile Apply(ParsedFile file, IReadOnlyList<string> lines)
    {
        if (lines.Count == 0 || file.File is null) return file;
        return file with { File = new FileSyntax(file.File.Items.Select(item => item is ModelItem model ? lines.Aggregate(model, Apply) : item).ToEquatable()) };
    }

    private static ModelItem Apply(ModelItem model, string line)
    {
        int equal = line.IndexOf('=', StringComparison.Ordinal);
        if (equal <= 0) throw new SinterException($"--set takes key=value, such as rate=1e-3 or hidden_size=128; '{line}' is not so.");
        string key = line[..equal].Trim(), value = line[(equal + 1)..].Trim();
        TrainItem? train = model.Sections.OfType<TrainItem>().LastOrDefault();
        int dot = key.IndexOf('.', StringComparison.Ordinal);
        if (dot > 0 && train?.Lines.OfType<StageLine>().FirstOrDefault(stage => stage.Name.Text == key[..dot]) is { } stage)
        {
            var parsed = (StageLine)Train(line, $"stage {key[..dot]} {{ {key[(dot + 1)..]}: {value} }}");
            StageLine changed = stage with { Keys = stage.Keys.Where(old => old.Name.Text != parsed.Keys[0].Name.Text).Concat(parsed.Keys).ToEquatable() };
            return With(model, train, train.Lines.Select(old => old == stage ? changed : old));
        }

        bool isTrain = s_trainLines.Contains(key) || (train?.Lines.OfType<ScheduleLine>().Any(old => old.Name.Text == key) ?? false);
        if (isTrain)
        {
            SectionLine parsed = Train(line, $"{key} = {value}");
            return With(model, train, (train?.Lines ?? default).Where(old => NameOf(old) != key).Append(parsed));
        }

        Setting setting = Model(line, $"{key} = {value}").Settings.Single();
        return model with { Settings = model.Settings.Where(old => old.Name.Text != key).Append(setting).ToEquatable() };
    }

    private static ModelItem With(ModelItem model, TrainItem? train, IEnumerable<SectionLine> lines)
    {
        var section = new TrainItem(lines.ToEquatable(), train?.Span ?? model.Span);
        return model with { Sections = model.Sections.Where(item => item is not TrainItem).Append(section).ToEquatable() };
    }

    private static string NameOf(SectionLine line) => line switch
    {
        ExpressionLine expression => expression.Name.Text,
        ScheduleLine schedule => schedule.Name.Text,
        _ => "",
    };

    private static SectionLine Train(string line, string text) => Model(line, $"train {{ {text} }}").Sections.OfType<TrainItem>().Single().Lines[0];

    private static ModelItem Model(string line, string body)
    {
        ParsedFile parsed = ModelGrammar.Parse("--set", $"model X = X {{ {body} }}");
        if (parsed.Diagnostics.Count > 0) throw new SinterException($"--set {line}: {parsed.Diagnostics[0].Message}.");
        return parsed.File!.Items.OfType<ModelItem>().Single();
    }
}
