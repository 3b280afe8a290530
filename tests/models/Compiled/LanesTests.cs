using System;
using System.Linq;
using Sinter.Models.Tests.Golden;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Numerics;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Models.Tests.Compiled;

/// <summary>Kernels are generic over the width of their lanes; a program takes the widest of the machine. Here it has no choice.</summary>
public sealed class LanesTests
{
    [Theory]
    [InlineData("tiny-v3", typeof(Lanes128))]
    [InlineData("tiny-v3", typeof(Lanes256))]
    [InlineData("tiny-v3", typeof(Lanes512))]
    [InlineData("tiny-v3-yarn", typeof(Lanes128))]
    [InlineData("tiny-v3-yarn", typeof(Lanes256))]
    [InlineData("tiny-v3-yarn", typeof(Lanes512))]
    [InlineData("tiny-trained", typeof(Lanes128))]
    [InlineData("tiny-trained", typeof(Lanes256))]
    public void Lanes_of_every_width_give_the_golden_logits(string name, Type lanes)
    {
        var golden = new GoldenValues(name);
        using var checkpoint = new CompiledCheckpoint(name, program => new ProgramWithLanes(program, lanes));
        int[] tokens = golden.Tokens("input_ids", 0);
        int rows = golden.Tensors["input_ids"].Shape[0];
        foreach (AttentionOrder order in new[] { AttentionOrder.Absorbed, AttentionOrder.Expanded })
        {
            using ModelSession session = checkpoint.Open(order, threads: 2);
            int sequence = session.AddSequence();
            double[] logits =
            [
                .. CompiledCheckpoint.Forward(session, sequence, tokens[..^2]),
                .. tokens[^2..].SelectMany(token => CompiledCheckpoint.Forward(session, sequence, [token])),
            ];
            GoldenCheck.Near(golden.Part("prefill.logits", 0, rows).Numbers, logits, golden.Tolerance, $"{name}, {lanes.Name}, {order}");
        }
    }
}
