using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.IO;
using Sinter.Command.Commands;

namespace Sinter.Command.Terminal;

/// <summary>The usual help, and then examples.</summary>
internal sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
{
    private static readonly string[] s_examples =
        ["sinter run models/tiny-trained \"In the beginning\"", "sinter check model.sinter", "sinter COMMAND --help"];

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parsed)
    {
        int code = help.Invoke(parsed);
        TextWriter output = parsed.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (string example in parsed.CommandResult.Command is ExampledCommand command ? command.Examples : s_examples)
            output.WriteLine("  " + example);
        return code;
    }
}
