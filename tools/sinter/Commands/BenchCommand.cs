using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using Sinter.Runtime;

namespace Sinter.Command.Commands;

/// <summary><c>sinter bench</c>: how fast a checkpoint runs here.</summary>
internal sealed class BenchCommand : ExampledCommand
{
    private readonly Argument<string> _checkpoint = SharedOptions.Checkpoint();
    private readonly Option<int?> _prompt = SharedOptions.WholeNumber("--prompt", "N", 1, int.MaxValue, "Tokens of prefill (default: 512, or what the context leaves).", "-p");
    private readonly Option<int?> _generate = SharedOptions.WholeNumber("--generate", "N", 1, int.MaxValue, "Tokens to decode (default: 64).", "-n");
    private readonly Option<int?> _repeat = SharedOptions.WholeNumber("--repeat", "N", 1, 1000, "Runs that count, after one that does not (default: 5).", "-r");
    private readonly Option<string?> _model = SharedOptions.Model();
    private readonly Option<int?> _threads = SharedOptions.Threads();
    private readonly Option<bool> _json = SharedOptions.Json();

    public BenchCommand() : base(
        "bench",
        "Measures prefill and decoding: tokens/s (median, least, most), bytes of weights read a token, GB/s, resident memory.",
        "sinter bench models/tiny-trained",
        "sinter bench models/tiny-trained -p 256 -n 128 -r 10 -t 2 --json")
    {
        Add(_checkpoint);
        foreach (Option option in (Option[])[_prompt, _generate, _repeat, _model, _threads, _json]) Add(option);
        SetAction(Run);
    }

    private Task<int> Run(ParseResult parsed, CancellationToken cancellation) => throw new SinterException("not yet.");
}
