// chosen
// The best 8 of 256, members of the best 4 of 8 groups; workers share the tokens.
[MethodImpl(MethodImplOptions.AggressiveOptimization)]
public static void BestOfPairs<V>(ref readonly Step step, in Worker worker, float* scores, int* chosen)
    where V : struct, ILanes<V>
{
    const int Width = 256, Count = 8, Groups = 8, Members = 32, Keep = 4;
    float* best = (float*)worker.Scratch;
    int* kept = (int*)(worker.Scratch + 64);
    float* keptScores = (float*)(worker.Scratch + 128);
    int* isKept = (int*)(worker.Scratch + 192);
    worker.Share(step.Tokens, out int from, out int to);
    for (int token = from; token < to; token++)
    {
        float* row = scores + (long)token * 256;
        int* choice = chosen + token * Count;
        for (int group = 0; group < Groups; group++)
        {
            isKept[group] = 0;
            float first = float.NegativeInfinity;
            float second = float.NegativeInfinity;
            for (int expert = group * Members; expert < group * Members + Members; expert++)
            {
                second = MathF.Max(second, MathF.Min(first, row[expert]));
                first = MathF.Max(first, row[expert]);
            }
            float worth = first + second;
            int place = Math.Min(group, Keep);
            if (place == Keep && worth <= keptScores[Keep - 1]) continue;
            if (place == Keep) place--;
            while (place > 0 && worth > keptScores[place - 1])
            {
                keptScores[place] = keptScores[place - 1];
                kept[place] = kept[place - 1];
                place--;
            }
            keptScores[place] = worth;
            kept[place] = group;
        }
        for (int i = 0; i < Keep; i++) isKept[kept[i]] = 1;
        int found = 0;
        for (int expert = 0; expert < Width; expert++)
        {
            if (isKept[expert / Members] == 0) continue;
            int place = Math.Min(found, Count);
            if (place == Count && row[expert] <= best[Count - 1]) continue;
            if (place == Count) place--;
            while (place > 0 && row[expert] > best[place - 1])
            {
                best[place] = best[place - 1];
                choice[place] = choice[place - 1];
                place--;
            }
            best[place] = row[expert];
            choice[place] = expert;
            found++;
        }
    }
}
