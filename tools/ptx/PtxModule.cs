using System.Collections.Generic;
using System.Linq;
using Sinter.Ptx.Text;

namespace Sinter.Ptx;

/// <summary>A PTX module, read from text and not bound to a device.</summary>
public sealed class PtxModule
{
    private PtxModule(Module syntax) => Syntax = syntax;

    /// <summary>The version that the text asks for, such as 8.4.</summary>
    public string Version => Syntax.Version;

    /// <summary>The target that the text names, such as sm_90a.</summary>
    public string Target => Syntax.Target;

    /// <summary>The names of the kernels.</summary>
    public IReadOnlyList<string> Entries => [.. Syntax.Functions.Values.Where(function => function.IsEntry).Select(function => function.Name)];

    internal Module Syntax { get; }

    /// <summary>Reads a module's text.</summary>
    /// <exception cref="PtxException">The text is not PTX; the message names line and column. Instructions are
    /// decoded when a kernel is first launched or by <see cref="PtxDevice.Load"/>.</exception>
    public static PtxModule Parse(string text) => new(ModuleParser.Parse(text));
}
