using System.CommandLine;
using Sinter.Runtime;

namespace Sinter.Command.Commands;

/// <summary><c>sinter check</c>: diagnostics, or how large the model is.</summary>
internal sealed class CheckCommand : ExampledCommand
{
    private readonly Argument<string> _file = SharedOptions.ModelFile();
    private readonly Option<string?> _config = new("--config") { HelpName = "config.json", Description = "Binds the numbers of an architecture that the file leaves open." };
    private readonly Option<bool> _graph = new("--graph") { Description = "Print the model as a graph." };
    private readonly Option<bool> _json = SharedOptions.Json();

    public CheckCommand() : base(
        "check",
        "Reads a model description: prints what is wrong with it, or how large the model is.",
        "sinter check models/deepseek-v3.sinter",
        "sinter check models/deepseek-v3.sinter --graph")
    {
        Add(_file);
        foreach (Option option in (Option[])[_config, _graph, _json]) Add(option);
        SetAction(Run);
    }

    private int Run(ParseResult parsed) => throw new SinterException("not yet.");
}
