// groups
// Pairs of token and expert in the order of the experts; the first worker does it.
[MethodImpl(MethodImplOptions.AggressiveOptimization)]
public static void Group<V>(ref readonly Step step, in Worker worker, int* chosen, ExpertGroups* groups)
    where V : struct, ILanes<V>
{
    const int Experts = 7, Chosen = 3;
    if (worker.Index > 0) return;
    int* offsets = groups->Offsets;
    int pairs = step.Tokens * Chosen;
    for (int expert = 0; expert < Experts + 1; expert++) offsets[expert] = 0;
    for (int pair = 0; pair < pairs; pair++) offsets[chosen[pair] + 1]++;
    for (int expert = 0; expert < Experts; expert++) offsets[expert + 1] += offsets[expert];
    // Each expert's offset moves to the end of its segment while that fills, and is then put back.
    for (int pair = 0; pair < pairs; pair++)
    {
        int row = offsets[chosen[pair]];
        offsets[chosen[pair]] = row + 1;
        groups->Pairs[row] = pair;
        groups->Rank[pair] = row;
    }
    for (int expert = Experts; expert > 0; expert--) offsets[expert] = offsets[expert - 1];
    offsets[0] = 0;
    groups->Experts = Experts;
    groups->Chosen = Chosen;
}
