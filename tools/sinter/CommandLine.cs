using System;
using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Linq;
using System.Threading.Tasks;
using Sinter.Command.Commands;
using Sinter.Command.Terminal;

namespace Sinter.Command;

/// <summary>The command with all its subcommands: how it parses, what it exits with, and how it reports what went wrong.</summary>
public static class CommandLine
{
    /// <summary>Long enough to leave a pass through a large model, which looks at the cancellation between layers' steps.</summary>
    private static readonly TimeSpan s_cancellationGrace = TimeSpan.FromSeconds(10);

    private static readonly (string Name, Func<System.CommandLine.Command> Make)[] s_commands =
    [
        ("run", () => new RunCommand()),
        ("trace", () => new TraceCommand()),
        ("check", () => new CheckCommand()),
        ("plan", () => new PlanCommand()),
        ("emit", () => new EmitCommand()),
        ("import", () => new ImportCommand()),
        ("bench", () => new BenchCommand()),
        ("devices", () => new DevicesCommand()),
        ("train", () => new TrainCommand()),
        ("report", () => new ReportCommand()),
        ("eval", () => new EvalCommand()),
        ("tokenizer", () => new TokenizerCommand()),
    ];

    /// <returns>The process's exit code, see <see cref="ExitCode"/>.</returns>
    public static async Task<int> Run(string[] arguments)
    {
        RootCommand root = Build(arguments.FirstOrDefault());
        ParseResult parsed = root.Parse(arguments);
        if (parsed.Action is ParseErrorAction)
            return ReportUsage(parsed);

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = s_cancellationGrace,
            });
        }
        catch (Exception fault)
        {
            return Failure.Report(fault);
        }
    }

    /// <param name="only">The subcommand that is asked for: the others' options need not be made then, which takes a start some time. All if it is none of them.</param>
    internal static RootCommand Build(string? only = null)
    {
        var root = new RootCommand("Compiles and runs models of the DeepSeek-V3 family, described in .sinter files.");
        bool isOne = s_commands.Any(command => command.Name == only);
        foreach ((string name, Func<System.CommandLine.Command> make) in s_commands)
            if (!isOne || name == only) root.Add(make());
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        return root;
    }

    private static int ReportUsage(ParseResult parsed)
    {
        System.CommandLine.Command command = parsed.CommandResult.Command;
        string name = command is RootCommand ? "sinter" : $"sinter {command.Name}";
        string fault = parsed.UnmatchedTokens.Count == 0 ? OneLine(parsed.Errors[0].Message)
            : parsed.UnmatchedTokens[0].StartsWith('-') ? $"there is no option '{parsed.UnmatchedTokens[0]}'."
            : command is RootCommand ? $"there is no command '{parsed.UnmatchedTokens[0]}'."
            : $"'{parsed.UnmatchedTokens[0]}' is one argument too many.";
        Console.Error.WriteLine($"sinter: {fault} Try '{name} --help'.");
        return ExitCode.Usage;
    }

    /// <summary>The parser lists choices on lines of their own.</summary>
    private static string OneLine(string message)
    {
        string line = string.Join(' ', message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return line.EndsWith('.') ? line : line + ".";
    }
}
