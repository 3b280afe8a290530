using System;
using System.Collections.Generic;

namespace Sinter.Compiler.Binding;

/// <summary>«did you mean …?»</summary>
public static class NearestName
{
    /// <summary>A clause to append, or nothing where no name is near.</summary>
    public static string Suggest(string name, IEnumerable<string> known)
    {
        string? best = null;
        int least = Math.Max(1, name.Length / 3) + 1;
        if (name.Length is < 2 or > 60) return "";
        foreach (string candidate in known)
        {
            if (Math.Abs(candidate.Length - name.Length) >= least || candidate == name) continue;
            int distance = Distance(name, candidate);
            if (distance < least || distance == least - 1 && best is not null && string.CompareOrdinal(candidate, best) < 0)
            {
                least = distance;
                best = candidate;
            }
        }

        return best is null ? "" : $"; did you mean '{best}'?";
    }

    /// <summary>Letters to insert, drop, change or swap with their neighbour.</summary>
    private static int Distance(string a, string b)
    {
        int[,] d = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++) d[i, 0] = i;
        for (int j = 0; j <= b.Length; j++) d[0, j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            for (int j = 1; j <= b.Length; j++)
            {
                int change = char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1;
                d[i, j] = Math.Min(Math.Min(d[i - 1, j] + 1, d[i, j - 1] + 1), d[i - 1, j - 1] + change);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }

        return d[a.Length, b.Length];
    }
}
