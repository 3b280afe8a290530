using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Sinter.Runtime.Generation;
using Xunit;

namespace Sinter.Runtime.Tests.Generation;

public sealed class StopStringFilterTests
{
    [Fact]
    public void However_the_text_is_cut_the_same_comes_out()
    {
        const string Text = "aab abab ababc, and then more";
        string[][] cases = [["ababc"], ["abc", "ab ab"], ["zzz"], ["a"], ["then more!"], ["e", "n more"], ["bab", "ababa", "abab"]];
        var random = new Random(1);
        foreach (string[] stops in cases)
        {
            int first = stops.Select(stop => Text.IndexOf(stop, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(Text.Length).Min();
            for (int round = 0; round < 100; round++)
            {
                var filter = new StopStringFilter(stops);
                var output = new StringBuilder();
                foreach (string piece in Cut(Text, random)) output.Append(filter.Append(piece));
                bool found = filter.Found;
                output.Append(filter.Flush());
                Assert.Equal(stops.Any(Text.Contains), found);
                // A stop string that begins earlier but ends later than another may be beaten by it.
                if (stops.Length == 1) Assert.Equal(Text[..first], output.ToString());
                else Assert.StartsWith(Text[..first], output.ToString());
                Assert.DoesNotContain(stops, stop => output.ToString().Contains(stop, StringComparison.Ordinal));
            }
        }
    }

    [Fact]
    public void Gives_out_at_once_what_cannot_begin_a_stop_string()
    {
        var filter = new StopStringFilter(["\n\nUser:"]);
        Assert.Equal("Hello", filter.Append("Hello"));
        Assert.Equal("", filter.Append("\n"));
        Assert.Equal("", filter.Append("\nUs"));
        Assert.Equal("\n\nUsa", filter.Append("a"));
        Assert.Equal("x", filter.Append("x\n"));
        Assert.Equal("\n", filter.Append("\n\nUser"));
        Assert.Equal("", filter.Append(": ignored"));
        Assert.True(filter.Found);
        Assert.Equal("", filter.Append("more"));
        Assert.Equal("", filter.Flush());
    }

    private static IEnumerable<string> Cut(string text, Random random)
    {
        for (int at = 0; at < text.Length;)
        {
            int length = Math.Min(random.Next(1, 6), text.Length - at);
            yield return text.Substring(at, length);
            at += length;
        }
    }
}
