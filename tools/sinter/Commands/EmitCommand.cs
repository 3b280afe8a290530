using System;
using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using System.Linq;
using Sinter.Command.Loading;
using Sinter.Command.Terminal;
using Sinter.Compiler;
using Sinter.Runtime.Checkpoints;

namespace Sinter.Command.Commands;

/// <summary><c>sinter emit</c>: the code that a build would generate.</summary>
internal sealed class EmitCommand : ExampledCommand
{
    private readonly Argument<string> _file = SharedOptions.ModelFile();
    private readonly Option<string?> _config = SharedOptions.Config();
    private readonly Option<string> _out = new("--out") { HelpName = "DIR", Required = true, Description = "Folder to write to; made if it is missing." };

    private readonly Option<string?> _namespace = new("--namespace") { HelpName = "NAME", Description = "Namespace of the generated classes (default: Sinter.Generated)." };

    private readonly Option<bool> _stages = new("--stages") { Description = "Also write what every stage of the compiler made, to DIR/stages." };

    public EmitCommand() : base(
        "emit",
        "Writes the C# that dotnet build would generate from a model description.",
        "sinter emit models/tiny_trained.sinter --out generated-code")
    {
        Add(_file);
        Add(_config);
        Add(_out);
        Add(_namespace);
        Add(_stages);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        ModelSource source = ModelSource.FromFile(parsed.GetRequiredValue(_file));
        ModelConfig? config = parsed.GetValue(_config) is { } path ? source.ConfigFor(path) : null;
        string folder = parsed.GetRequiredValue(_out);
        source.Bind(config);
        IReadOnlyList<CompiledModel> models;
        List<(string Name, string Text)> stages = [];
        Dump? dump = parsed.GetValue(_stages) ? (model, stage, text) => stages.Add(($"{model} {stages.Count + 1:00} {stage}.txt", text())) : null;
        using (new LongWork("compiling the model"))
        {
            models = source.Compile(config, parsed.GetValue(_namespace) ?? "Sinter.Generated", dump);
        }

        Directory.CreateDirectory(folder);
        foreach (GeneratedFile file in models.SelectMany(model => model.Files))
        {
            string target = Path.Combine(folder, file.HintName);
            File.WriteAllText(target, file.Text);
            Console.WriteLine(target);
        }

        foreach ((string name, string text) in stages)
        {
            string target = Path.Combine(Directory.CreateDirectory(Path.Combine(folder, "stages")).FullName, name);
            File.WriteAllText(target, text);
            Console.WriteLine(target);
        }

        return ExitCode.Fine;
    }
}
