using System.CommandLine;
using Sinter.Runtime;

namespace Sinter.Command.Commands;

/// <summary><c>sinter plan</c>: what a model will need.</summary>
internal sealed class PlanCommand : ExampledCommand
{
    private readonly Argument<string> _file = SharedOptions.ModelFile();
    private readonly Option<string?> _config = new("--config") { HelpName = "config.json", Description = "Binds the numbers of an architecture that the file leaves open." };
    private readonly Option<int?> _context = SharedOptions.WholeNumber("--context", "N", 1, 1 << 27, "Tokens a sequence (default: 4096).");
    private readonly Option<int?> _batch = SharedOptions.WholeNumber("--batch", "N", 1, 1 << 20, "Sequences side by side (default: 1).");
    private readonly Option<bool> _json = SharedOptions.Json();

    public PlanCommand() : base(
        "plan",
        "Works out what a model needs: memory for weights, cache and buffers; FLOPs and bytes a token for prefill and decoding.",
        "sinter plan models/deepseek-v3.sinter",
        "sinter plan models/deepseek-v3.sinter --context 131072 --batch 8 --json")
    {
        Add(_file);
        foreach (Option option in (Option[])[_config, _context, _batch, _json]) Add(option);
        SetAction(Run);
    }

    private int Run(ParseResult parsed) => throw new SinterException("not yet.");
}
