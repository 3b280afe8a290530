using System;
using System.CommandLine;
using System.IO;
using Sinter.Command.Loading;
using Sinter.Command.Terminal;
using Sinter.Runtime.Checkpoints;

namespace Sinter.Command.Commands;

/// <summary><c>sinter import</c>: a model description from a published config.</summary>
internal sealed class ImportCommand : ExampledCommand
{
    private readonly Argument<string> _config = new("config.json") { Description = "A published config.json, or the folder that holds it." };
    private readonly Option<string?> _name = new("--name") { HelpName = "NAME", Description = "The model's name (default: from the folder's)." };
    private readonly Option<string?> _out = new("--out") { HelpName = "FILE.sinter", Description = "Where to write; standard output if not given." };

    public ImportCommand() : base(
        "import",
        "Writes a model description with the numbers of a published config.json.",
        "sinter import DeepSeek-V3/config.json --out deepseek-v3.sinter",
        "sinter import models/tiny-trained")
    {
        Add(_config);
        Add(_name);
        Add(_out);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        ModelConfig config = ConfigFile.Load(parsed.GetRequiredValue(_config));
        string name = parsed.GetValue(_name) ?? NameOf(config);
        ModelSource source = ModelSource.ForConfig(config);
        string text = ModelWriter.Write(source.Bind(config, name).Models[0], source.Graphs(config, name)[0], config);
        if (parsed.GetValue(_out) is { } path) File.WriteAllText(path, text);
        else Console.Write(text);
        return ExitCode.Fine;
    }

    private static string NameOf(ModelConfig config) =>
        Identifier.Of(Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(config.Path))) ?? "");
}
