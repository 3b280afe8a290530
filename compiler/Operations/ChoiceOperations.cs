using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Operations;

/// <summary>
/// The <paramref name="Count"/> largest of each token's scores, largest first, the lower index first among equals, among
/// the members of the best groups where there are groups. [float* scores, int* chosen]: scores[layout(token, 0, e)],
/// chosen[token·Count + i]. Workers share the tokens as in a row operation.
/// </summary>
/// <param name="Width">Scores a token; the groups are equal parts of them.</param>
public sealed record ChooseOperation(
    string Name,
    string Equation,
    int Width,
    int Count,
    int Groups,
    int Keep,
    GroupScore GroupScore,
    Layout Scores) : Operation(Name, Equation);

/// <summary>
/// Orders the pairs (token, i) by the expert chosen[token·Chosen + i], stably, for grouped contractions.
/// [int* chosen, ExpertGroups* groups]: fills Offsets [Experts + 1], Pairs [tokens·Chosen] (row → pair) and Rank
/// [tokens·Chosen] (pair → row). The first worker does it; a barrier stands before and after.
/// </summary>
public sealed record GroupOperation(string Name, string Equation, int Experts, int Chosen) : Operation(Name, Equation);
