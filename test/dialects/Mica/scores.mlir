// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK: #mica.scores<softmax>, #mica.scores<sigmoid>
func.func private @scores() attributes {mica.value = [#mica.scores<softmax>, #mica.scores<sigmoid>]}
