using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using Sinter.Command.Terminal;
using Sinter.Runtime;

namespace Sinter.Command.Commands;

/// <summary><c>sinter run</c>: continues a prompt.</summary>
internal sealed class RunCommand : ExampledCommand
{
    private readonly Argument<string> _checkpoint = SharedOptions.Checkpoint();

    private readonly Argument<string?> _prompt = new("PROMPT")
    {
        Arity = ArgumentArity.ZeroOrOne,
        Description = "Text to continue; read from standard input where it is not given.",
    };

    private readonly Option<int?> _maxTokens = SharedOptions.WholeNumber("--max-tokens", "N", 0, int.MaxValue, "The most tokens to generate (default: 256).", "-n");
    private readonly Option<double?> _temperature = SharedOptions.Number("--temperature", "X", 0, 100, "0, the default, always takes the likeliest token; 1 draws as the model says.");
    private readonly Option<int?> _topK = SharedOptions.WholeNumber("--top-k", "N", 1, int.MaxValue, "Draw among the N likeliest tokens only.");
    private readonly Option<double?> _topP = SharedOptions.Number("--top-p", "X", 0, 1, "Draw among the likeliest tokens whose probabilities reach X together.");
    private readonly Option<double?> _minP = SharedOptions.Number("--min-p", "X", 0, 1, "Draw among the tokens at least X times as likely as the likeliest.");
    private readonly Option<int?> _seed = SharedOptions.WholeNumber("--seed", "N", 0, int.MaxValue, "Makes drawing repeatable.");
    private readonly Option<string[]> _stop = new("--stop") { HelpName = "TEXT", Description = "Stop before this text; may be given several times." };
    private readonly Option<int?> _context = SharedOptions.WholeNumber("--context", "N", 1, int.MaxValue, "Tokens to make room for (default: what the model allows, or what is needed).");
    private readonly Option<string?> _model = SharedOptions.Model();
    private readonly Option<int?> _threads = SharedOptions.Threads();
    private readonly Option<bool> _json = SharedOptions.Json();

    public RunCommand() : base(
        "run",
        "Continues a prompt with a model: text to standard output as it comes, then the speed to standard error.",
        "sinter run models/tiny-trained \"In the beginning\"",
        "sinter run models/tiny-trained \"And God said\" --max-tokens 64 --temperature 0.8 --top-p 0.95 --seed 7",
        "echo \"In the beginning\" | sinter run models/tiny-trained --json")
    {
        Add(_checkpoint);
        Add(_prompt);
        foreach (Option option in (Option[])[_maxTokens, _temperature, _topK, _topP, _minP, _seed, _stop, _context, _model, _threads, _json]) Add(option);
        SetAction(Run);
    }

    private Task<int> Run(ParseResult parsed, CancellationToken cancellation) => throw new SinterException("not yet.");
}
