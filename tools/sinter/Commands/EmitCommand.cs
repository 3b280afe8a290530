using System.CommandLine;
using Sinter.Runtime;

namespace Sinter.Command.Commands;

/// <summary><c>sinter emit</c>: the code that a build would generate.</summary>
internal sealed class EmitCommand : ExampledCommand
{
    private readonly Argument<string> _file = SharedOptions.ModelFile();
    private readonly Option<string?> _config = new("--config") { HelpName = "config.json", Description = "Binds the numbers of an architecture that the file leaves open." };
    private readonly Option<string> _out = new("--out") { HelpName = "DIR", Required = true, Description = "Folder to write to; made if it is missing." };

    public EmitCommand() : base(
        "emit",
        "Writes the C# that dotnet build would generate from a model description.",
        "sinter emit models/tiny.sinter --out generated-code")
    {
        Add(_file);
        Add(_config);
        Add(_out);
        SetAction(Run);
    }

    private int Run(ParseResult parsed) => throw new SinterException("not yet.");
}
