using System.CommandLine;
using Sinter.Runtime;

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

    private int Run(ParseResult parsed) => throw new SinterException("not yet.");
}
