namespace Sinter.Ptx.Execution;

/// <summary>Does one instruction for the active lanes of a warp.</summary>
internal delegate void Execute(Warp warp, uint active);

/// <summary>Which lanes an instruction needs together.</summary>
internal enum Convergence
{
    None,

    /// <summary>The lanes that a mask operand names (.sync).</summary>
    Members,

    /// <summary>All lanes of the warp (.aligned).</summary>
    Warp,

    /// <summary>All lanes of the warp, at a barrier of the block.</summary>
    Barrier,
}

/// <summary>A decoded instruction.</summary>
internal sealed class Operation(string opcode, string text, int line, Execute run)
{
    public string Opcode { get; } = opcode;

    public string Text { get; } = text;

    public int Line { get; } = line;

    public Execute Run { get; } = run;

    /// <summary>The register of the guard predicate, or -1.</summary>
    public int Predicate { get; init; } = -1;

    public bool PredicateNegated { get; init; }

    public Convergence Convergence { get; init; }

    /// <summary>The register that holds the member mask, for <see cref="Convergence.Members"/>.</summary>
    public int Members { get; init; } = -1;
}
