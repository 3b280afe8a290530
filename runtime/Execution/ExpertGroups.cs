namespace Sinter.Runtime.Execution;

/// <summary>The step's pairs of token and expert, ordered by expert.</summary>
public unsafe struct ExpertGroups
{
    /// <summary>[experts + 1] first row of each expert's segment.</summary>
    public int* Offsets;

    /// <summary>[tokens · chosen] row → pair: token · chosen + i.</summary>
    public int* Pairs;

    /// <summary>[tokens · chosen] pair → row.</summary>
    public int* Rank;

    public int Experts;

    /// <summary>Experts chosen a token.</summary>
    public int Chosen;
}
