using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using Sinter.Runtime;

namespace Sinter.Command.Commands;

/// <summary><c>sinter trace</c>: the numbers inside, for comparison with another program.</summary>
internal sealed class TraceCommand : ExampledCommand
{
    private readonly Argument<string> _checkpoint = SharedOptions.Checkpoint();
    private readonly Option<int[]?> _tokens = SharedOptions.Tokens("--tokens", "The tokens to run, by number.");
    private readonly Option<string> _out = new("--out") { HelpName = "FILE.safetensors", Required = true, Description = "Where to write." };
    private readonly Option<int?> _decodeFrom = SharedOptions.WholeNumber("--decode-from", "N", 1, int.MaxValue, "Run the first N tokens as a prompt, then one by one through the cache.");
    private readonly Option<string> _attention = new("--attention") { Description = "Order of attention's contractions (default: the cheapest)." };
    private readonly Option<int[]?> _next = SharedOptions.Tokens("--mtp", "Also run multi-token prediction, with the token after each position.");
    private readonly Option<string?> _model = SharedOptions.Model();
    private readonly Option<int?> _threads = SharedOptions.Threads();
    private readonly Option<bool> _json = SharedOptions.Json();

    public TraceCommand() : base(
        "trace",
        "Writes the numbers inside a model to a safetensors file: logits, hidden.0 to hidden.L, the router's choices, mtp.logits.",
        "sinter trace models/tiny-trained --tokens 0,43,80,261 --out trace.safetensors",
        "sinter trace models/tiny-trained --tokens 0,43,80,261 --decode-from 2 --attention absorbed --out trace.safetensors",
        "sinter trace models/tiny-trained --tokens 0,43,80 --mtp 43,80,261 --out trace.safetensors")
    {
        _tokens.Required = true;
        _attention.AcceptOnlyFromAmong("absorbed", "expanded");
        Add(_checkpoint);
        foreach (Option option in (Option[])[_tokens, _out, _decodeFrom, _attention, _next, _model, _threads, _json]) Add(option);
        SetAction(Run);
    }

    private Task<int> Run(ParseResult parsed, CancellationToken cancellation) => throw new SinterException("not yet.");
}
