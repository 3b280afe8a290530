using System.CommandLine;

namespace Sinter.Command.Commands;

/// <summary>A subcommand whose help ends with examples.</summary>
internal abstract class ExampledCommand(string name, string description, params string[] examples) : System.CommandLine.Command(name, description)
{
    public string[] Examples { get; } = examples;
}
